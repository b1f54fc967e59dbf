"""The lines of a file that were left out of its table, to take away as CSV: numbers and reasons, or the lines too."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from datasets import versions
from datasets.models import DatasetVersion
from datasets.profiling import leftover
from datasets.profiling.leftover import Leftover
from fynix import blobs
from fynix.errors import Conflict, DomainError
from fynix.spreadsheets import harmless


class NothingLeft(Conflict):
    """Every line is in the table, or the lines were not kept when it was read."""

    code = "no_lines_left_out"


class LinesGone(DomainError):
    """What stood in the lines went with the file by the project's rule."""

    code = "lines_gone"
    status = 410


def gone(version: DatasetVersion) -> bool:
    """Whether only the numbers and reasons of the lines are left."""
    return version.file_gone_at is not None and not version.lines_bytes


def reasons(version: DatasetVersion) -> bytes:
    """Numbers of lines and why they were left out. Raises versions.NotReady, NothingLeft, blobs.Corrupt."""
    return _csv(("line", "reason"), ((str(each.line), each.reason) for each in _found(version)))


def lines(*, version: DatasetVersion, by: User, at: datetime) -> bytes:
    """The same with the lines as they are in the file; that somebody looked is recorded first.

    Raises as `reasons`, and LinesGone.
    """
    if version.leftover_sha256 and gone(version):
        raise LinesGone(
            _("What stood in these lines went on {day} with the uploaded file. Their numbers and reasons stay.").format(
                day=f"{version.file_gone_at:%Y-%m-%d}"
            )
        )
    found = list(_found(version))
    audit.record(
        audit.Act.DATASET_LINES, actor=by, project=version.dataset.project, subject=version.pk, at=at,
        detail={"dataset": version.dataset_id, "number": version.number, "lines": len(found)},
    )  # fmt: skip
    return _csv(("line", "reason", "text"), ((str(each.line), each.reason, each.text) for each in found))


def _found(version: DatasetVersion) -> Iterator[Leftover]:
    versions.document(version)
    if not version.leftover_sha256:
        raise NothingLeft(_("No line of this file was left out, or it was read before such lines were kept."))
    with blobs.local(version.leftover_sha256) as path:
        yield from leftover.read(path)


def _csv(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(heads)
    writer.writerows(map(harmless, row) for row in rows)
    return out.getvalue().encode()
