"""The fixes that a profile's suggestions offer, in the words of people."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from datasets.privacy import UnknownColumn
from datasets.profiling import ProfileDocument, Step

OFFERED: dict[str, tuple[tuple[str, str | None], ...]] = {
    "all_null": (("drop", None),),
    "constant": (("drop", None),),
    "near_constant": (("drop", None),),
    "mostly_null": (("drop", None),),
    "identifier": (("drop", None),),
    "duplicate_column": (("drop", None),),
    "near_copy": (("drop", None),),
    "some_null": (("impute", None),),
    "dirty_category": (("merge", None),),
    "ambiguous_date": (("days_first", None), ("months_first", None)),
    "duplicate_rows": (("drop_repeated", None),),
    "high_cardinality": (("encode", "rare"), ("encode", "frequency")),
    "low_cardinality_int": (("retype", "category"),),
    "skewed": (("encode", "log"),),
}
"""What can be done at once about a suggestion, by its code: actions, each with its result where it asks for one."""

WORDS: dict[tuple[str, str | None], StrPromise] = {
    ("drop", None): _("Drop {column}"),
    ("drop_repeated", None): _("Drop repeated rows"),
    ("impute", None): _("Fill the gaps of {column}"),
    ("merge", None): _("Merge the spellings of {column}"),
    ("days_first", None): _("Read {column} as day/month"),
    ("months_first", None): _("Read {column} as month/day"),
    ("retype", "number"): _("Read {column} as numbers"),
    ("retype", "boolean"): _("Read {column} as yes or no"),
    ("retype", "category"): _("Take {column} for a category"),
    ("retype", "datetime"): _("Read {column} as dates"),
    ("retype", "identifier"): _("Take {column} for an identifier"),
    ("retype", "text"): _("Keep {column} as text"),
    ("encode", "one_hot"): _("Give each level of {column} a column of 0 and 1"),
    ("encode", "frequency"): _("Replace the levels of {column} by how frequent they are"),
    ("encode", "rare"): _("Join the rare levels of {column}"),
    ("encode", "log"): _("Take the logarithm of {column}"),
}


@dataclass(frozen=True)
class Offer:
    """A fix with its words."""

    step: Step

    @property
    def key(self) -> str:
        named = f"{self.step.action}:{self.step.column or ''}"
        return f"{named}:{self.step.to}" if self.step.to else named

    @property
    def words(self) -> str:
        return str(WORDS[self.step.action, self.step.to]).format(column=self.step.column or "")


def offers(document: ProfileDocument) -> list[Offer]:
    """What can be done with one click, the gravest first, each once."""
    steps = (Step(action, s.column, to) for s in document.suggestions for action, to in OFFERED.get(s.code, ()))
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
