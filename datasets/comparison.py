"""Two versions of a dataset beside one another: which columns came, went and changed, what differs first."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from datasets import profiling, versions
from datasets.models import DatasetVersion
from datasets.profiling import ColumnProfile, Stability
from fynix.errors import Invalid

MOST_COLUMNS = 200  # whose values are held against one another; of all others the profiles are
MISSING_MORE = 0.01  # difference of the share of missing cells that is worth a line
LEVELED = frozenset({"category", "boolean", "constant"})


class UnknownVersion(Invalid):
    code = "unknown_version"


@dataclass(frozen=True)
class Shift:
    """A column of both versions. `stability` is None where its values cannot be, or must not be, compared."""

    before: ColumnProfile
    after: ColumnProfile
    stability: Stability | None = None

    @property
    def name(self) -> str:
        return self.after.name

    @property
    def is_retyped(self) -> bool:
        return self.before.kind != self.after.kind

    @property
    def has_moved(self) -> bool:
        return self.stability is not None and self.stability.has_moved

    @property
    def has_other_gaps(self) -> bool:
        return abs(self.after.missing_share - self.before.missing_share) >= MISSING_MORE

    @property
    def differs(self) -> bool:
        return self.is_retyped or self.has_moved or self.has_other_gaps

    @property
    def hides_values(self) -> bool:
        return self.before.hides_values or self.after.hides_values

    @property
    def median(self) -> tuple[float | None, float | None]:
        return self.before.percentiles.get("50"), self.after.percentiles.get("50")


@dataclass(frozen=True)
class Comparison:
    """`before` is the earlier version. `shifts` are the columns of both, the most moved first."""

    before: DatasetVersion
    after: DatasetVersion
    added: tuple[ColumnProfile, ...]
    removed: tuple[ColumnProfile, ...]
    shifts: tuple[Shift, ...]

    @property
    def differing(self) -> list[Shift]:
        return [shift for shift in self.shifts if shift.differs]

    @property
    def equal(self) -> list[Shift]:
        return [shift for shift in self.shifts if not shift.differs]

    @property
    def rows_more(self) -> int:
        return (self.after.rows or 0) - (self.before.rows or 0)


def other(version: DatasetVersion, number: str = "") -> DatasetVersion | None:
    """The version of that number of the same dataset; without one the one before, else the one after, that is ready.

    Raises UnknownVersion.
    """
    rows = versions.all_versions().filter(dataset=version.dataset, table_sha256__gt="").exclude(pk=version.pk)
    if number:
        found = rows.filter(number=int(number)).first() if number.isascii() and number.isdigit() else None
        if found is None:
            raise UnknownVersion(
                _("There is no other version {number} of this dataset that has been read.").format(number=number),
                field="against",
            )
        return found
    earlier = rows.filter(number__lt=version.number).order_by("-number").first()
    return earlier or rows.order_by("number").first()


def compare(version: DatasetVersion, against: DatasetVersion) -> Comparison:
    """The two in the order of their numbers. Raises versions.NotReady, blobs.Corrupt."""
    before, after = sorted((version, against), key=lambda each: each.number)
    old = {column.name: column for column in versions.document(before).columns}
    new = {column.name: column for column in versions.document(after).columns}
    shifts = [Shift(old[name], column) for name, column in new.items() if name in old]
    measured = [shift for shift in shifts if _is_measurable(shift)][:MOST_COLUMNS]
    found = _stabilities(before, after, [shift.name for shift in measured])
    shifts = [Shift(shift.before, shift.after, found.get(shift.name)) for shift in shifts]
    return Comparison(
        before, after,
        added=tuple(column for name, column in new.items() if name not in old),
        removed=tuple(column for name, column in old.items() if name not in new),
        shifts=tuple(sorted(shifts, key=_gravity)),
    )  # fmt: skip


def _is_measurable(shift: Shift) -> bool:
    if shift.hides_values or shift.before.storage != shift.after.storage:
        return False
    if "identifier" in {shift.before.kind, shift.after.kind}:
        return False
    return shift.after.storage != "text" or {shift.before.kind, shift.after.kind} <= LEVELED


def _stabilities(before: DatasetVersion, after: DatasetVersion, names: list[str]) -> dict[str, Stability]:
    if not names:
        return {}
    with versions.table(before) as old, versions.table(after) as new:
        return profiling.stabilities(old, new, names, rows_before=before.rows or 0, rows_after=after.rows or 0)


def _gravity(shift: Shift) -> tuple[bool, float, float, int]:
    moved = shift.stability.index - shift.stability.limit if shift.stability else -1.0
    return (
        not shift.is_retyped,
        -moved,
        -abs(shift.after.missing_share - shift.before.missing_share),
        shift.after.position,
    )
