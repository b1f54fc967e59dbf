"""The fixes that a profile's suggestions offer, in the words of people."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from datasets.privacy import UnknownColumn
from datasets.profiling import ProfileDocument, Step

OFFERED: dict[str, tuple[str, ...]] = {
    "all_null": ("drop",),
    "constant": ("drop",),
    "near_constant": ("drop",),
    "mostly_null": ("drop",),
    "identifier": ("drop",),
    "duplicate_column": ("drop",),
    "near_copy": ("drop",),
    "some_null": ("impute",),
    "dirty_category": ("merge",),
    "ambiguous_date": ("days_first", "months_first"),
    "duplicate_rows": ("drop_repeated",),
}
"""What can be done at once about a suggestion, by its code."""

WORDS: dict[str, StrPromise] = {
    "drop": _("Drop {column}"),
    "drop_repeated": _("Drop repeated rows"),
    "impute": _("Fill the gaps of {column}"),
    "merge": _("Merge the spellings of {column}"),
    "days_first": _("Read {column} as day/month"),
    "months_first": _("Read {column} as month/day"),
}


@dataclass(frozen=True)
class Offer:
    """A fix with its words."""

    step: Step

    @property
    def key(self) -> str:
        return f"{self.step.action}:{self.step.column or ''}"

    @property
    def words(self) -> str:
        return str(WORDS[self.step.action]).format(column=self.step.column or "")


def offers(document: ProfileDocument) -> list[Offer]:
    """What can be done with one click, the gravest first, each once."""
    steps = (Step(action, s.column) for s in document.suggestions for action in OFFERED.get(s.code, ()))
    return [Offer(step) for step in dict.fromkeys(steps)]


def told(steps: Iterable[Step]) -> list[str]:
    """What a version's recipe did, in words."""
    return [Offer(step).words for step in steps]


def require(document: ProfileDocument, steps: Iterable[Step]) -> None:
    """Raise UnknownColumn unless each step names a column of the table, or needs none."""
    there = {column.name for column in document.columns}
    for step in steps:
        if step.action != "drop_repeated" and step.column not in there:
            raise UnknownColumn(_("This table has no column “{column}”.").format(column=step.column), field="steps")
