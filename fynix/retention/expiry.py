"""Files of versions go when they are older than their project keeps them, a week after somebody was told.

The model itself stays, with its metrics, card, history and the file that is its own bytes; what goes was made from it.
The row of the version and the record of key actions keep the name and hash of each file that went.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.functional import Promise

from accounts import audit, notifications, quotas, retention
from accounts.models import News, Project, RetentionWarning, Role
from fynix import blobs
from fynix.templatetags.figures import bytes_
from registry.models import Artifact, Build, ModelVersion, RegisteredModel

WARNED_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Prospect:
    """A version whose files can go: when they do, and, unless empty, why they do not."""

    version: ModelVersion
    files: tuple[Artifact, ...]
    goes_at: datetime
    kept: str | Promise

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def prospects(project: Project, *, days: int) -> list[Prospect]:
    """Every version with files that were made from it, the oldest first, by a rule of so many days."""
    kept = retention.kept(project)
    files: dict[str, list[Artifact]] = {}
    for file in _made(Artifact.objects.filter(version__model__project=project)).order_by("format"):
        files.setdefault(file.version_id, []).append(file)
    found = ModelVersion.objects.filter(pk__in=files).select_related("model", "created_by").order_by("created_at", "pk")
    life = timedelta(days=days)
    return [
        Prospect(version, tuple(files[version.pk]), version.created_at + life, kept.get(version.pk, ""))
        for version in found
    ]


def deletable(project: Project, *, days: int, at: datetime) -> list[Prospect]:
    """What is old enough at that moment and protected by nothing."""
    return [each for each in prospects(project, days=days) if each.goes_at <= at and not each.kept]


def within_a_week(rows: Iterable[Prospect], *, at: datetime) -> list[Prospect]:
    """Those of them whose files go so soon that people are told of it."""
    return [each for each in rows if not each.kept and each.goes_at <= at + WARNED_FOR]


def turn(*, at: datetime) -> None:
    """Tell of what goes in a week, and let go what was told of a week ago. Safe to interrupt, and for two at once."""
    for project in Project.objects.all():
        for version in _ripe(project, at):
            _expire(project, version, at)


def _ripe(project: Project, at: datetime) -> list[ModelVersion]:
    """What was told of long enough ago; tells of the rest that is due.

    Warnings of what is no longer due are taken back: when it is due again, it is told again.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # two turns at once tell once
        days = retention.days(project)
        due = deletable(project, days=days, at=at + WARNED_FOR) if days else []
        warnings = RetentionWarning.objects.filter(project=project)
        warnings.exclude(subject__in=[each.version.pk for each in due]).delete()
        warned = dict(warnings.values_list("subject", "warned_at"))
        _warn(project, [each for each in due if each.version.pk not in warned], at)
    long_ago = {subject for subject, moment in warned.items() if moment <= at - WARNED_FOR}
    return [each.version for each in due if each.version.pk in long_ago and each.goes_at <= at]


def _warn(project: Project, fresh: list[Prospect], at: datetime) -> None:
    if not fresh:
        return
    size = bytes_(sum(each.size_bytes for each in fresh))
    RetentionWarning.objects.bulk_create(
        RetentionWarning(project=project, subject=each.version.pk, warned_at=at) for each in fresh
    )
    notifications.tell(
        notifications.members(project, least=Role.MAINTAINER), News.FILES_EXPIRE, project=project,
        number=len(fresh), subject=f"{project.pk}:{at:%Y-%m-%d}", at=at, letter=True,
        detail=f"{size} will be free. Change the rule to keep them.",
        address=reverse("project-retention", args=[project.slug]),
    )  # fmt: skip


def _expire(project: Project, version: ModelVersion, at: datetime) -> None:
    """Remove the rows and give the room back; the bytes go with the next sweep of what no row names."""
    with transaction.atomic():
        # Whoever promotes it now comes first or last.
        RegisteredModel.objects.select_for_update().get(pk=version.model_id)
        files = list(_made(version.artifacts.all()))
        if not files or version.pk in retention.kept(project):
            return
        for file in files:
            blobs.touch(file.sha256)  # a backup under way that still names it will find it
            quotas.give_back(
                project=project, user=version.created_by, kind="artifact", subject=file.pk, size_bytes=file.size_bytes,
                at=at,
            )  # fmt: skip
        Artifact.objects.filter(pk__in=[file.pk for file in files]).delete()
        RetentionWarning.objects.filter(project=project, subject=version.pk).delete()
        gone = [f"{file.filename} {file.sha256}" for file in files]
        audit.record(
            audit.Act.FILES_EXPIRE, actor=None, project=project, subject=version.pk, at=at,
            detail={"number": version.number, "files": gone, "bytes": sum(file.size_bytes for file in files)},
        )  # fmt: skip


def _made(files: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """Those of finished versions that are not the model's own bytes."""
    return files.filter(version__state=Build.READY).exclude(sha256=F("version__sha256"))
