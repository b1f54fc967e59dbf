"""What one column can become by a step of a recipe, and what that costs, counted before anybody does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext as _

from datasets import profiling, versions
from datasets.models import DatasetVersion, Treatment
from datasets.privacy import UnknownColumn
from datasets.profiling import ColumnProfile, ProfileDocument, Step, Value
from datasets.profiling.document import cell
from datasets.profiling.plan import ONE_HOT_COLUMNS, RESULTS, TYPES, types
from fynix.errors import Conflict, Invalid

EXAMPLES = 5
ORDERS = ("days_first", "months_first")
TEXTS = frozenset({"category", "identifier", "text"})
RESULT_OF: Mapping[str, tuple[tuple[str, str | None], ...]] = {
    **{to: (("retype", to),) for to in TYPES},
    **{order: ((order, None), ("retype", "datetime")) for order in ORDERS},
    **{to: (("encode", to),) for to in RESULTS["encode"]},
}
"""The actions, each with its result, that bring a column to what people ask for."""


class UnreadableAsType(Invalid):
    """No value of the column can be read as the type."""

    code = "unreadable_as_type"


class Unsuited(Invalid):
    """The column holds nothing that could be encoded like this."""

    code = "unsuited_column"


class DecisionPending(Conflict):
    """The values are about to be covered, so what they would become cannot be told."""

    code = "decision_pending"


@dataclass(frozen=True)
class Change:
    """What these steps make of a column of a version: of `filled` values `missing` cannot be read and go.

    `examples` are the most frequent of those, with their rows; none where values are hidden. `columns` is how many
    columns there are in its place.
    """

    column: ColumnProfile
    to: str
    steps: tuple[Step, ...]
    filled: int
    missing: int = 0
    examples: tuple[Value, ...] = ()
    columns: int = 1

    @property
    def missing_share(self) -> float:
        return self.missing / self.filled if self.filled else 0.0

    @property
    def step_is_encoding(self) -> bool:
        return self.to in RESULTS["encode"]


def look(*, version: DatasetVersion, document: ProfileDocument, column: str, to: str) -> Change:
    """What the column would become as `to`, a key of RESULT_OF; nothing is changed.

    Raises versions.NotReady, UnknownColumn, versions.NothingChanges, UnreadableAsType, Unsuited, DecisionPending.
    """
    profile = _there(version, document, column)
    steps = tuple(Step(action, column, result) for action, result in RESULT_OF[to])
    if to in RESULTS["encode"]:
        _require_suited(profile, to)
        columns = min(ONE_HOT_COLUMNS, int(profile.distinct.value)) if to == "one_hot" else 1
        return Change(profile, to, steps, _filled(profile), columns=columns)
    if profile.chosen == types(steps)[column] and to not in ORDERS:
        raise versions.NothingChanges(_("“{column}” was made that already.").format(column=column), field="to")
    return _retyped(version, profile, to, steps)


def require(*, version: DatasetVersion, document: ProfileDocument, steps: Sequence[Step]) -> None:
    """Raise what `look` raises for each step that gives a column of the table another type, or encodes it."""
    for done, step in enumerate(steps):
        if step.action not in RESULTS or step.column is None or step.to is None:
            continue
        before = tuple(earlier for earlier in steps[:done] if earlier.column == step.column)
        if any(earlier.action not in ORDERS for earlier in before):
            continue  # what the earlier ones leave cannot be told from the table that is there
        profile = _there(version, document, step.column)
        if step.action == "encode":
            _require_suited(profile, step.to)
        else:
            _retyped(version, profile, step.to, (*before, step))


def _there(version: DatasetVersion, document: ProfileDocument, column: str) -> ColumnProfile:
    try:
        profile = document.column(column)
    except KeyError:
        raise UnknownColumn(_("This table has no column “{column}”.").format(column=column), field="column") from None
    if versions.pending(version).get(column, Treatment.SHOW) != Treatment.SHOW:
        raise DecisionPending(
            _("What was decided about the values of “{column}” is not in this table yet. Make a version with it first.")
            .format(column=column)
        )  # fmt: skip
    return profile


def _filled(profile: ColumnProfile) -> int:
    """Cells with a value, also those that could not be read."""
    return int(profile.notes.get("filled", 0)) + profile.invalid


def _retyped(version: DatasetVersion, profile: ColumnProfile, to: str, steps: tuple[Step, ...]) -> Change:
    if to in TEXTS:  # every value is a text
        return Change(profile, to, steps, _filled(profile))
    with versions.table(version) as path:
        lost = profiling.losses(path, profile.name, steps)
    missing = sum(lost.values()) + profile.invalid
    if missing >= _filled(profile):
        raise _unreadable(profile.name, to)
    told = [] if profile.hides_values else islice(lost.items(), EXAMPLES)
    examples = tuple(Value(cell(value, profile), count) for value, count in told)
    return Change(profile, to, steps, _filled(profile), missing, examples)


def _unreadable(column: str, to: str) -> UnreadableAsType:
    if to == "datetime":
        return UnreadableAsType(
            _(
                "No value of “{column}” can be read as a date for sure. If days and months read both ways, say which "
                "comes first; else leave the column as it is."
            ).format(column=column),
            field="to",
        )
    return UnreadableAsType(
        _("No value of “{column}” can be read like this. Choose another type.").format(column=column), field="to"
    )


def _require_suited(profile: ColumnProfile, to: str) -> None:
    if not profile.distinct.value:
        raise Unsuited(_("“{column}” has no values, so there is nothing to encode.").format(column=profile.name))
    if to == "log" and profile.storage != "number":
        raise Unsuited(_("“{column}” is no number, so it has no logarithm.").format(column=profile.name), field="to")
    if to == "one_hot" and profile.hides_values:
        raise Unsuited(
            _("“{column}” holds personal data, and its values would become names of columns.").format(
                column=profile.name
            ),
            field="to",
        )
