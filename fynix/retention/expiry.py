"""What is older than its project keeps it goes, a week after somebody was told.

Each kind knows what is stored and how to let one thing go; here is what they share: the clock, the warning, the order.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import transaction
from django.urls import reverse
from django.utils.functional import Promise

from accounts import notifications, retention
from accounts.models import Keepsake, News, Project, RetentionWarning, Role
from fynix.retention import files, logs, results, uploads
from fynix.retention.stored import Stored
from fynix.templatetags.figures import bytes_

WARNED_FOR = timedelta(days=7)
MOST_ROWS = 500  # of one preview; its sums count all


class LetGo(Protocol):
    def __call__(self, project: Project, subject: str, *, at: datetime) -> None: ...


@dataclass(frozen=True)
class Kind:
    stored: Callable[[Project], Iterator[Stored]]
    let_go: LetGo


KINDS = {
    Keepsake.FILES: Kind(files.stored, files.let_go),
    Keepsake.RESULTS: Kind(results.stored, results.let_go),
    Keepsake.UPLOADS: Kind(uploads.stored, uploads.let_go),
    Keepsake.LOGS: Kind(logs.stored, logs.let_go),
}


@dataclass(frozen=True)
class Prospect:
    """Something that can go: when it does, and, unless empty, why it does not."""

    stored: Stored
    goes_at: datetime
    kept: str | Promise


def prospects(project: Project, *, days: retention.Days) -> list[Prospect]:
    """Everything of the kinds that go, the oldest first, by these rules."""
    kept = retention.kept(project)
    found = [
        Prospect(each, each.since + timedelta(days=life), _reason(each, kept))
        for kind, life in days.items()
        if life
        for each in KINDS[kind].stored(project)
    ]
    return sorted(found, key=lambda row: (row.stored.since, row.stored.subject))


def _reason(each: Stored, kept: dict[str, str | Promise]) -> str | Promise:
    return next((kept[name] for name in each.relied_on if name in kept), "")


def deletable(project: Project, *, days: retention.Days, at: datetime) -> list[Prospect]:
    """What is old enough at that moment and protected by nothing."""
    return [each for each in prospects(project, days=days) if each.goes_at <= at and not each.kept]


def within_a_week(rows: Iterable[Prospect], *, at: datetime) -> list[Prospect]:
    """Those of them that go so soon that people are told of it."""
    return [each for each in rows if not each.kept and each.goes_at <= at + WARNED_FOR]


def size(rows: Iterable[Prospect]) -> int:
    """The bytes that they take together."""
    return sum(row.stored.size_bytes for row in rows)


def turn(*, at: datetime) -> None:
    """Tell of what goes in a week, and let go what was told of a week ago. Safe to interrupt, and for two at once."""
    for project in Project.objects.all():
        for ripe in _ripe(project, at):
            _expire(project, ripe, at)


def _ripe(project: Project, at: datetime) -> list[Stored]:
    """What was told of long enough ago; tells of the rest that is due.

    Warnings of what is no longer due are taken back: when it is due again, it is told again.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # two turns at once tell once
        due = deletable(project, days=retention.days(project), at=at + WARNED_FOR)
        warnings = RetentionWarning.objects.filter(project=project)
        warnings.exclude(subject__in=[each.stored.subject for each in due]).delete()
        warned = dict(warnings.values_list("subject", "warned_at"))
        _warn(project, [each for each in due if each.stored.subject not in warned], at)
    long_ago = {subject for subject, moment in warned.items() if moment <= at - WARNED_FOR}
    return [each.stored for each in due if each.stored.subject in long_ago and each.goes_at <= at]


def _warn(project: Project, fresh: list[Prospect], at: datetime) -> None:
    if not fresh:
        return
    RetentionWarning.objects.bulk_create(
        RetentionWarning(project=project, subject=each.stored.subject, warned_at=at) for each in fresh
    )
    notifications.tell(
        notifications.members(project, least=Role.MAINTAINER), News.FILES_EXPIRE, project=project,
        number=len(fresh), subject=f"{project.pk}:{at:%Y-%m-%d}", at=at, letter=True,
        detail=f"{bytes_(size(fresh))} will be free. Change the rules to keep them.",
        address=reverse("project-retention", args=[project.slug]),
    )  # fmt: skip


def _expire(project: Project, ripe: Stored, at: datetime) -> None:
    """Let it go whole or not at all; the bytes go with the next sweep of what no row names."""
    with transaction.atomic():
        KINDS[ripe.kind].let_go(project, ripe.subject, at=at)
        RetentionWarning.objects.filter(project=project, subject=ripe.subject).delete()
