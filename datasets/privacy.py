"""What people decide about personal data in a dataset's columns: how values are shown, and what a new version holds.

A decision belongs to the dataset and its column's name, so it holds for every version, also for those to come. What it
hides is hidden at once wherever a profile leaves the server; tables are treated when the next version is made.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Project, User
from datasets import profiling
from datasets.models import Dataset, DatasetVersion, PrivacyDecision, Treatment
from datasets.pii import REDACTED, mask
from datasets.profiling import ColumnProfile, ProfileDocument, Value
from fynix import blobs
from fynix.errors import Conflict, Invalid

REVEALED = 20
_PERSONAL = {"pii", "pii_header"}


class UnknownColumn(Invalid):
    code = "unknown_column"


class Covered(Conflict):
    """The values are not in this version's table any more."""

    code = "values_covered"


def current(dataset: Dataset) -> dict[str, str]:
    """The last decision about each column."""
    return dict(PrivacyDecision.objects.filter(dataset=dataset).order_by("pk").values_list("column", "treatment"))


def key(project: Project) -> bytes:
    """The project's own key for hashes; it follows from the server's secret, so it is stored nowhere."""
    return salted_hmac("datasets.privacy.hash", project.pk, algorithm="sha256").digest()


def decide(
    *, version: DatasetVersion, document: ProfileDocument, column: str, treatment: Treatment, by: User, at: datetime
) -> PrivacyDecision:
    """Say what is to become of a column's values, from now on and for all versions. Raises UnknownColumn."""
    _require(document, column)
    with transaction.atomic():
        decision = PrivacyDecision.objects.create(
            dataset=version.dataset, column=column, treatment=treatment, created_by=by, created_at=at
        )
        audit.record(
            audit.Act.PRIVACY_DECIDE, actor=by, project=version.dataset.project, subject=version.pk, at=at,
            detail={"dataset": version.dataset_id, "column": column, "treatment": treatment},
        )  # fmt: skip
    return decision


def reveal(
    *, version: DatasetVersion, document: ProfileDocument, column: str, by: User, at: datetime
) -> list[str | None]:
    """The first values of a column as they are in the table; that somebody looked is recorded first.

    Raises UnknownColumn, Covered, blobs.Corrupt.
    """
    if _require(document, column).treatment not in {None, Treatment.SHOW}:
        raise Covered(_("This version was made with these values covered. Look at an earlier version."))
    audit.record(
        audit.Act.PRIVACY_REVEAL, actor=by, project=version.dataset.project, subject=version.pk, at=at,
        detail={"dataset": version.dataset_id, "column": column},
    )  # fmt: skip
    with blobs.local(version.table_sha256) as path:
        return profiling.first(path, column, REVEALED)


def obeyed(document: ProfileDocument, decisions: Mapping[str, str]) -> ProfileDocument:
    """The document as it may leave the server."""
    judged = {c.position: decisions[c.name] for c in document.columns if c.name in decisions}
    if not judged:
        return document
    before = {c.position: c for c in document.columns}
    return replace(
        document,
        columns=tuple(_column(c, judged.get(c.position)) for c in document.columns),
        preview=tuple(
            tuple(_cell(cell, before[i], judged.get(i)) for i, cell in enumerate(row)) for row in document.preview
        ),
        suggestions=tuple(
            s
            for s in document.suggestions
            if not (s.code in _PERSONAL and s.column is not None and s.column in decisions)
        ),
    )


def newer(document: ProfileDocument, decisions: Mapping[str, str]) -> dict[str, str]:
    """The decisions that this version's table does not hold yet."""
    there = {column.name: column for column in document.columns}
    return {
        name: how for name, how in decisions.items() if name in there and not _is_done(there[name], how)
    }  # fmt: skip


def _is_done(column: ColumnProfile, how: str) -> bool:
    return column.treatment == how


def _require(document: ProfileDocument, column: str) -> ColumnProfile:
    try:
        return document.column(column)
    except KeyError:
        raise UnknownColumn(_("This table has no column “{column}”.").format(column=column), field="column") from None


def _column(column: ColumnProfile, how: str | None) -> ColumnProfile:
    if how is None or _is_done(column, how):
        return column
    if how == Treatment.SHOW:  # its figures stay covered until a version is made with them
        return replace(column, pii=None)
    return replace(
        column, is_hidden=True, minimum=None, maximum=None, mean=None, std=None, percentiles={}, skew=None,
        histogram=None, examples=(),
        top=tuple(Value(str(_cell(value.value, column, how)), value.count) for value in column.top),
    )  # fmt: skip


def _cell(cell: str | None, column: ColumnProfile, how: str | None) -> str | None:
    if cell is None or how is None or how == Treatment.SHOW or _is_done(column, how):
        return cell
    if how != Treatment.PARTIAL:
        return REDACTED
    return cell if column.hides_values else mask(cell, column.pii.type if column.pii else "")
