"""Files that could not be read: kept for a week, so that people can say how they are written and send nothing again.

A file that was kept is paid for like any other. It goes when somebody throws it away, or after the week, unless one of
the ways to read it worked.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import audit, quotas
from accounts.models import User
from datasets.models import Dataset, DatasetVersion
from fynix import blobs
from fynix.errors import Conflict
from fynix.queue.models import OPEN, State

KEPT = timedelta(days=7)
CODE = "unparseable_file"
CORRECTABLE = frozenset({"one_column", "unreadable_text", "too_many_columns", "no_such_sheet"})
"""Reasons for not reading a file that another encoding, delimiter or sheet may do away with."""


class InUse(Conflict):
    """The file is being read, or was read in the meantime."""

    code = "file_in_use"


class NotKept(Conflict):
    """There is no file of this version that waits to be read in another way."""

    code = "file_not_kept"


def is_kept(version: DatasetVersion) -> bool:
    """Whether the version's file could not be read, and is still there."""
    failed = version.job.state == State.FAILED and version.job.error_code == CODE
    return failed and version.sha256 != "" and not version.file_gone_at


def goes_at(version: DatasetVersion) -> datetime | None:
    """When the file goes by itself; None for one that is not kept, or that another version needs."""
    if not is_kept(version) or _needed(version).exists():
        return None
    first = _family(version).order_by("number").first()
    return first.created_at + KEPT if first is not None else None


def keep(*, version: DatasetVersion, at: datetime) -> None:
    """Turn what was promised to an upload into room that its file takes. Call in the transaction that ends its job."""
    quotas.settle(
        project=version.dataset.project, user=version.created_by, kind="dataset", subject=version.pk,
        reserved_bytes=version.size_bytes, size_bytes=version.size_bytes, at=at,
    )  # fmt: skip


def discard(*, version: DatasetVersion, by: User, at: datetime) -> None:
    """Throw the file away and give its room back. Raises NotKept, InUse."""
    if not is_kept(version):
        raise NotKept(_("There is no file to throw away: it was read, or it has gone already."))
    if not _let_go(version, by=by, at=at):
        raise InUse(_("Another version reads this file or was made from it, so it stays."))


def expire(*, at: datetime) -> int:
    """Let go what was kept for a week and has not been read since; the number of files."""
    old = DatasetVersion.objects.filter(
        upload__isnull=False, job__state=State.FAILED, job__error_code=CODE, sha256__gt="", file_gone_at__isnull=True,
        created_at__lte=at - KEPT,
    )  # fmt: skip
    return sum(_let_go(version, by=None, at=at) for version in old.select_related("dataset__project", "created_by"))


def _family(version: DatasetVersion) -> QuerySet[DatasetVersion]:
    """Every version of the dataset that was made, or tried, from the same file."""
    return DatasetVersion.objects.filter(dataset=version.dataset_id, sha256=version.sha256, file_gone_at__isnull=True)


def _needed(version: DatasetVersion) -> QuerySet[DatasetVersion]:
    return _family(version).filter(job__state__in=[*OPEN, State.SUCCEEDED])


def _let_go(version: DatasetVersion, *, by: User | None, at: datetime) -> bool:
    """The rows forget the file, and its bytes go with the next sweep of what no row names; False when it is needed."""
    with transaction.atomic():
        # Whoever reads it in another way now comes first or last.
        Dataset.objects.select_for_update().get(pk=version.dataset_id)
        paid = list(_family(version).filter(upload__isnull=False).select_related("dataset__project", "created_by"))
        if not paid or _needed(version).exists():
            return False
        blobs.touch(version.sha256)  # a backup under way that still names it will find it
        for each in paid:
            quotas.give_back(
                project=each.dataset.project, user=each.created_by, kind="dataset", subject=each.pk,
                size_bytes=each.size_bytes, at=at,
            )  # fmt: skip
        audit.record(
            audit.Act.DATASET_DISCARD, actor=by, project=paid[0].dataset.project, subject=version.pk, at=at,
            detail={"dataset": version.dataset_id, "file": f"{version.filename} {version.sha256}"},
        )  # fmt: skip
        _family(version).update(sha256="")
    return True
