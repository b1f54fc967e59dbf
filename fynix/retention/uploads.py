"""Uploaded files as they came, once a typed table was read from them.

The tables stay, with their profiles, and so do the name, the size and the hash of the file. It cannot be read in
another way any more. A file belongs to every version of its dataset that was made from it, and goes from all at once.
With it goes what stands in the lines that were left out of their tables; numbers and reasons stay.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts import audit, quotas, retention
from accounts.models import Keepsake, Project
from datasets.models import Dataset, DatasetVersion
from datasets.profiling import leftover
from fynix import blobs
from fynix.queue.models import State
from fynix.retention.stored import Stored
from registry.models import RegisteredModel

THERE = Q(sha256__gt="") & (Q(file_gone_at__isnull=True) | Q(lines_bytes__gt=0))


def stored(project: Project) -> Iterator[Stored]:
    """Every file from which a table was read, once, with the version that brought it. Its age is that of the last."""
    families: dict[tuple[str, str], list[DatasetVersion]] = {}
    there = DatasetVersion.objects.filter(THERE, dataset__project=project)
    for version in there.select_related("dataset__project", "job").order_by("number"):
        families.setdefault((version.dataset_id, version.sha256), []).append(version)
    for family in families.values():
        if all(each.job.state != State.SUCCEEDED for each in family):
            continue  # the week of files that could not be read is unread.py's
        first, lines = family[0], sum(each.lines_bytes > 0 for each in family)
        yield Stored(
            Keepsake.UPLOADS, first.pk, f"{first.dataset.name} v{first.number}", first.get_absolute_url(),
            lines + (not first.file_gone_at), sum(_own_bytes(each) + each.lines_bytes for each in family),
            max(each.created_at for each in family), tuple(each.pk for each in family),
        )  # fmt: skip


def let_go(project: Project, subject: str, *, at: datetime) -> None:
    """Note that it went and give the room back, unless it must stay. Call in a transaction."""
    version = DatasetVersion.objects.get(pk=subject)
    # Whoever reads it in another way, or promotes what was learnt from it, comes first or last.
    Dataset.objects.select_for_update().get(pk=version.dataset_id)
    list(RegisteredModel.objects.select_for_update().filter(project=project).order_by("pk"))
    family = _family(version)
    members = list(family.select_related("created_by"))
    if not members or retention.kept(project).keys() & {each.pk for each in members}:
        return
    blobs.touch(version.sha256)  # a backup under way that still names it will find it
    freed = 0
    for each in members:
        size_bytes = _own_bytes(each) + _lines_let_go(each)
        quotas.give_back(
            project=project, user=each.created_by, kind="dataset", subject=each.pk, size_bytes=size_bytes, at=at
        )
        freed += size_bytes
    family.filter(file_gone_at__isnull=True).update(file_gone_at=at)
    lines = sorted({each.leftover_sha256 for each in members if each.lines_bytes})
    audit.record(
        audit.Act.UPLOAD_EXPIRE, actor=None, project=project, subject=version.pk, at=at,
        detail={"file": f"{version.filename} {version.sha256}", "lines": lines, "bytes": freed},
    )  # fmt: skip


def _family(version: DatasetVersion) -> QuerySet[DatasetVersion]:
    return DatasetVersion.objects.filter(THERE, dataset=version.dataset_id, sha256=version.sha256)


def _own_bytes(version: DatasetVersion) -> int:
    """The bytes of the file that this version brought along, while it is there."""
    return 0 if version.is_derived or version.file_gone_at else version.size_bytes


def _lines_let_go(version: DatasetVersion) -> int:
    """Leave the numbers and reasons of its left-out lines only; the bytes that this frees."""
    if not version.lines_bytes:
        return 0
    blobs.touch(version.leftover_sha256)
    try:
        with blobs.local(version.leftover_sha256) as path:
            whole, bare = path.stat().st_size, blobs.put_bytes(leftover.without_lines(path))
    except blobs.Corrupt:  # it leaves nothing behind, and keeps nothing else from going
        sha256, freed = "", version.lines_bytes
    else:
        sha256, freed = bare.sha256, whole - bare.size_bytes
    DatasetVersion.objects.filter(pk=version.pk).update(leftover_sha256=sha256, lines_bytes=0)
    return freed
