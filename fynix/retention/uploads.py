"""Uploaded files as they came, once a typed table was read from them.

The tables stay, with their profiles, and so do the name, the size and the hash of the file. It cannot be read in
another way any more. A file belongs to every version of its dataset that was made from it, and goes from all at once.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet

from accounts import audit, quotas, retention
from accounts.models import Keepsake, Project
from datasets.models import Dataset, DatasetVersion
from fynix import blobs
from fynix.queue.models import State
from fynix.retention.stored import Stored
from registry.models import RegisteredModel


def stored(project: Project) -> Iterator[Stored]:
    """Every file from which a table was read, once, with the version that brought it. Its age is that of the last."""
    families: dict[tuple[str, str], list[DatasetVersion]] = {}
    there = DatasetVersion.objects.filter(dataset__project=project, sha256__gt="", file_gone_at__isnull=True)
    for version in there.select_related("dataset__project", "job").order_by("number"):
        families.setdefault((version.dataset_id, version.sha256), []).append(version)
    for family in families.values():
        paid = [each for each in family if not each.is_derived]
        if not paid or all(each.job.state != State.SUCCEEDED for each in family):
            continue  # the week of files that could not be read is unread.py's
        first = paid[0]
        yield Stored(
            Keepsake.UPLOADS, first.pk, f"{first.dataset.name} v{first.number}", first.get_absolute_url(), 1,
            sum(each.size_bytes for each in paid), max(each.created_at for each in family),
            tuple(each.pk for each in family),
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
    paid = [each for each in members if not each.is_derived]
    for each in paid:
        quotas.give_back(
            project=project, user=each.created_by, kind="dataset", subject=each.pk, size_bytes=each.size_bytes, at=at
        )
    family.update(file_gone_at=at)
    audit.record(
        audit.Act.UPLOAD_EXPIRE, actor=None, project=project, subject=version.pk, at=at,
        detail={"file": f"{version.filename} {version.sha256}", "bytes": sum(each.size_bytes for each in paid)},
    )  # fmt: skip


def _family(version: DatasetVersion) -> QuerySet[DatasetVersion]:
    return DatasetVersion.objects.filter(dataset=version.dataset_id, sha256=version.sha256, file_gone_at__isnull=True)
