"""The workshop that reads an uploaded file: a profile and a typed table, or a sentence that says why not.

The file stays in the spool until the reading ends. Its hash is noted before its bytes move to the store: whatever
kills the process, the next attempt finds them in one of the two. A text that we cannot read is kept for those who know
how it is written (unread.py); an upload that failed in another way leaves nothing behind.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import quotas
from datasets import multipart, privacy, storage, unread
from datasets.models import DatasetVersion, Profile
from datasets.profiling import Plan, ProfileDocument, Unreadable, leftover
from datasets.profiling.job import Profiled, profile
from fynix import blobs
from fynix.errors import Invalid
from fynix.queue import jobs
from fynix.queue.models import Job, State
from fynix.queue.work import Work

REPORT_EVERY_S = 0.5
READING_SHARE = 90  # percent of the work that is reading; the rest is storing


class Unparseable(Invalid):
    """The file is no table that we can read; the message says why and what to do."""

    code = unread.CODE


class Altered(Invalid):
    code = "checksum_mismatch"


def execute(work: Work) -> None:
    """Profile the job's version and end the job. Raises Unparseable, Altered and what `work` raises."""
    version = DatasetVersion.objects.select_related("dataset__project", "upload").get(pk=work.job.subject)
    with (
        tempfile.TemporaryDirectory(dir=settings.SPOOL, prefix="profile-") as folder,
        _source(version) as source,
    ):
        try:
            found = _profile(work, version, source, Path(folder))
        except Unparseable as refusal:
            if refusal.extra["reason"] in unread.CORRECTABLE:
                _keep_source(work, version)
            raise
        work.check()
        work.report("Storing the table", READING_SHARE)
        kept = [path for path in (found.table, found.leftover) if path is not None]
        quotas.fit(project=version.dataset.project, size_bytes=sum(path.stat().st_size for path in kept))
        stored = [blobs.put(path) for path in kept]
        if found.leftover is not None:
            version.lines_bytes = found.leftover.stat().st_size - len(leftover.without_lines(found.leftover))
    _keep_source(work, version)
    _conclude(work, version, found.document, *stored)
    storage.remove(_spool(version))


def ended(job: Job, *, at: datetime) -> None:
    """A profile job ended: unless it went well or its file is kept, give back promised quota and spooled bytes."""
    rows = DatasetVersion.objects.select_related("dataset__project", "upload", "job", "created_by")
    version = rows.filter(pk=job.subject).first()
    if version is None or job.state == State.SUCCEEDED:
        return
    if unread.is_kept(version) and not version.is_derived:
        unread.keep(version=version, at=at)
        return
    quotas.release(project=version.dataset.project, size_bytes=_own_bytes(version))
    transaction.on_commit(lambda: _forget(version))


def _forget(version: DatasetVersion) -> None:
    storage.remove(_spool(version))
    if version.upload is not None and version.upload.multipart_id:
        multipart.remove(version.upload.pk)


@contextmanager
def _source(version: DatasetVersion) -> Iterator[Path]:
    """The file as it came: from the spool, or from the store when an earlier version or attempt had moved it."""
    if _settled(version) or _fetched(version):
        yield storage.path(_spool(version))
        return
    with blobs.local(version.sha256) as path:
        yield path


def _settled(version: DatasetVersion) -> bool:
    """Whether the file waits in the spool; nobody writes to it any more."""
    try:
        storage.settle(_spool(version))
    except FileNotFoundError:
        return False
    return True


def _fetched(version: DatasetVersion) -> bool:
    """Bring a file that was sent straight to the bucket into the spool; False when it is not waiting there."""
    if version.upload is None or not version.upload.multipart_id:
        return False
    storage.require_room(version.size_bytes)
    return multipart.fetch(version.upload.pk, storage.path(version.upload.pk))


def _profile(work: Work, version: DatasetVersion, source: Path, folder: Path) -> Profiled:
    try:
        return profile(
            source, filename=version.filename, workdir=folder, progress=_reporter(work),
            plan=Plan.from_json(version.plan), key=privacy.key(version.dataset.project),
        )  # fmt: skip
    except Unreadable as error:
        raise Unparseable(error.message, extra={"reason": error.code}) from None


def _reporter(work: Work) -> Callable[[float, str], None]:
    """Pass on progress at most twice a second, and notice there that the work should stop."""
    last = -REPORT_EVERY_S

    def report(percent: float, sentence: str) -> None:
        nonlocal last
        if time.monotonic() - last < REPORT_EVERY_S:
            return
        work.check()
        work.report(sentence, percent * READING_SHARE / 100)
        last = time.monotonic()

    return report


def _keep_source(work: Work, version: DatasetVersion) -> None:
    """Move the file into the store, noting its hash first."""
    path = storage.path(_spool(version))
    if not path.exists():
        return
    version.sha256 = blobs.digest(path)
    said = version.upload.sha256 if version.upload else ""
    if said and said != version.sha256:
        raise Altered("This file changed on its way here: its checksum is not the one you gave. Upload it again.")
    work.check()
    version.save(update_fields=["sha256"])
    if not (version.upload and version.upload.multipart_id and multipart.adopt(version.upload.pk, version.sha256)):
        blobs.adopt(path)


def _conclude(
    work: Work,
    version: DatasetVersion,
    document: ProfileDocument,
    table: blobs.Blob,
    left: blobs.Blob | None = None,
) -> None:
    at = timezone.now()
    version.table_sha256, version.table_bytes = table.sha256, table.size_bytes
    version.rows, version.columns = document.rows, len(document.columns)
    version.leftover_sha256 = left.sha256 if left else ""
    size_bytes = _own_bytes(version) + table.size_bytes + (left.size_bytes if left else 0)
    with transaction.atomic():
        Profile.objects.create(version=version, document=document.to_json(), created_at=at)
        version.save(update_fields=["table_sha256", "table_bytes", "leftover_sha256", "lines_bytes", "rows", "columns"])
        quotas.settle(
            project=version.dataset.project, user=version.created_by, kind="dataset", subject=version.pk,
            reserved_bytes=_own_bytes(version), size_bytes=size_bytes, at=at,
        )  # fmt: skip
        jobs.finish(work.job, at=at)


def _own_bytes(version: DatasetVersion) -> int:
    """The bytes of the file that this version brought along."""
    return 0 if version.is_derived else version.size_bytes


def _spool(version: DatasetVersion) -> str:
    return str(version.upload_id)
