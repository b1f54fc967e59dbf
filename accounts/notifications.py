"""What people are told: a run that ended, a version that is ready, an approval, production that moved, a test, a role,
a full store, alerts.

A notification is written by the verb in the verb's own transaction. The same news twice is one row, so a job
that runs again tells nothing twice. The sentence is made when it is read, from the row's own columns.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts.models import Membership, News, Notification, Project, Role, User
from fynix import notices

MOST_COUNTED = 100  # a bell that says more than that says nothing more
KEPT = timedelta(days=180)

SENTENCES: dict[str, str | Promise] = {
    News.RUN_FINISHED: _("“{thing}” has finished."),
    News.RUN_FAILED: _("“{thing}” failed."),
    News.RUN_CANCELLED: _("{by} cancelled your run “{thing}”."),
    News.VERSION_READY: _("Version {number} of {thing} is ready."),
    News.VERSION_FAILED: _("The files of version {number} of {thing} could not be made."),
    News.PROMOTED: _("{by} put version {number} of {thing} into production."),
    News.ROLLED_BACK: _("{by} rolled {thing} back to version {number}."),
    News.ROLE_GIVEN: _("{by} added you to {project} as {thing}."),
    News.ROLE_CHANGED: _("{by} made you {thing} of {project}."),
    News.ROLE_TAKEN: _("{by} removed you from {project}."),
    News.INVITATION_ACCEPTED: _("{by} accepted your invitation to {project}."),
    News.INVITATION_DECLINED: _("{thing} declined your invitation to {project}."),
    News.APPROVAL_REQUESTED: _("{by} asks whether version {number} of {thing} may go into production."),
    News.APPROVAL_GIVEN: _("{by} approved version {number} of {thing}."),
    News.APPROVAL_REFUSED: _("{by} did not approve version {number} of {thing}."),
    News.TEST_FINISHED: _("Your test of {thing} has finished."),
    News.TEST_FAILED: _("Your test of {thing} failed."),
    News.STORAGE_NEAR_LIMIT: _("{project} uses more than {number} % of its storage."),
    News.OWN_NEAR_LIMIT: _("Your projects together use more than {number} % of what they may."),
    News.FILES_EXPIRE: _("In seven days files or logs go from {project}. Things that lose theirs: {number}."),
    News.ALERT: "{thing}",
    News.ALERT_OVER: _("Over: {thing}"),
}


def tell(
    to: Iterable[int],
    kind: News,
    *,
    project: Project | None,
    subject: str,
    at: datetime,
    thing: str = "",
    number: int | None = None,
    detail: str = "",
    by: User | None = None,
    address: str = "",
    letter: bool = False,
) -> None:
    """Write it down for each of these people, once; call it in the verb's transaction, after its writes.

    `letter` sends it by e-mail as well, soon afterwards.

    `subject` names what it is about: the same kind about the same subject is told once.
    """
    people = sorted(set(to))
    rows = [
        Notification(
            user_id=user, project=project, kind=kind, subject=subject, thing=thing, number=number, detail=detail,
            by=by, address=address, created_at=at, letter_due_at=at if letter else None,
        )
        for user in people
    ]  # fmt: skip
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(lambda: notices.news(people))


def members(project: Project, *, least: Role = Role.VIEWER) -> QuerySet[Membership, int]:
    """The ids of the active members whose role is at least `least`."""
    roles = [role for role in Role if role.rank >= least.rank]
    return project.memberships.filter(role__in=roles, user__is_active=True).values_list("user_id", flat=True)


def listed(user: User) -> QuerySet[Notification]:
    """The person's notifications, newest first; of projects that they left only the word that they left."""
    seen = Q(project__in=access.projects_of(user)) | Q(kind=News.ROLE_TAKEN)
    own = Q(project__isnull=True)
    seen |= own if user.is_staff else own & ~Q(kind__in=(News.ALERT, News.ALERT_OVER))
    return user.notifications.filter(seen).select_related("project", "by").order_by("-created_at", "-pk")


def unread(user: User) -> int:
    """How many wait to be read, counted up to MOST_COUNTED. Costs one query."""
    return listed(user).filter(read_at__isnull=True).order_by()[:MOST_COUNTED].count()


def read(*, user: User, at: datetime, ids: Sequence[str] | None = None) -> None:
    """Mark these as read, or all that came until now. Those of others are not touched."""
    waiting = user.notifications.filter(read_at__isnull=True, created_at__lte=at)
    (waiting if ids is None else waiting.filter(pk__in=ids)).update(read_at=at)


def sentence(row: Notification) -> str:
    """What happened, for people; names stand as they are."""
    who = row.by.name or row.by.email if row.by else str(_("The server"))
    place = row.project.name if row.project else ""
    return str(SENTENCES[row.kind]).format(thing=row.thing, number=row.number, by=who, project=place)


def expire(*, at: datetime) -> None:
    """Forget what is older than KEPT; the record of key actions stays."""
    Notification.objects.filter(created_at__lt=at - KEPT).delete()
