"""How much a project and a person may store: promises to uploads under way, and a ledger of what is there.

Every byte counts twice: for its project, and for whoever made the project. Every move of an allowance is one
conditional UPDATE, so two uploads at once never pass a limit together; the person's comes first, so that two moves
never wait for each other. An allowance's `used_bytes` is always the sum of its ledger lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.expressions import CombinedExpression
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import audit, notifications
from accounts.models import Allowance, News, PersonalAllowance, Project, Role, StorageCharge, User
from fynix.errors import DomainError
from fynix.templatetags.figures import bytes_

NEAR = (95, 80)  # percent of the limit at which maintainers and owners hear of it


class QuotaExceeded(DomainError):
    code = "quota_exceeded"
    status = 403


@dataclass(frozen=True)
class Usage:
    """What a project stores, in bytes; `kinds` splits `used_bytes`."""

    limit_bytes: int
    used_bytes: int
    reserved_bytes: int
    kinds: dict[str, int]

    @property
    def taken_bytes(self) -> int:
        return self.used_bytes + self.reserved_bytes


def usage(project: Project) -> Usage:
    allowance = Allowance.objects.get(project=project)
    sums = project.charges.values_list("kind").annotate(total=Sum("size_bytes")).order_by("kind")
    return Usage(allowance.limit_bytes, allowance.used_bytes, allowance.reserved_bytes, dict(sums))


@dataclass(frozen=True)
class PersonalUsage:
    """What all projects that a person made store together, in bytes, the largest first."""

    limit_bytes: int
    used_bytes: int
    reserved_bytes: int
    projects: list[Allowance]

    @property
    def taken_bytes(self) -> int:
        return self.used_bytes + self.reserved_bytes


def personal_usage(user: User) -> PersonalUsage:
    """For who never made a project: nothing of what they could hold."""
    own = PersonalAllowance.objects.filter(user=user).first() or PersonalAllowance(limit_bytes=settings.PERSON_BYTES)
    made = Allowance.objects.filter(project__created_by=user).select_related("project")
    projects = list(made.order_by(-F("used_bytes") - F("reserved_bytes"), "project__slug"))
    return PersonalUsage(own.limit_bytes, own.used_bytes, own.reserved_bytes, projects)


def set_limit(*, project: Project, limit_bytes: int, by: User, at: datetime) -> None:
    """Give the project another limit; what it holds above that stays."""
    with transaction.atomic():
        allowance = Allowance.objects.select_for_update().get(project=project)
        former, allowance.limit_bytes = allowance.limit_bytes, limit_bytes
        allowance.save(update_fields=["limit_bytes"])
        audit.record(
            audit.Act.ALLOWANCE_CHANGE, actor=by, project=project, subject=project.pk,
            detail={"former": former, "limit": limit_bytes}, at=at,
        )  # fmt: skip


def set_personal_limit(*, user: User, limit_bytes: int, by: User, at: datetime) -> None:
    """Give all projects that the person made another limit together; what they hold above that stays."""
    with transaction.atomic():
        allowance = PersonalAllowance.objects.select_for_update().get(user=user)
        former, allowance.limit_bytes = allowance.limit_bytes, limit_bytes
        allowance.save(update_fields=["limit_bytes"])
        audit.record(
            audit.Act.ALLOWANCE_CHANGE, actor=by, subject=f"user:{user.pk}",
            detail={"email": user.email, "former": former, "limit": limit_bytes}, at=at,
        )  # fmt: skip


def open_for(project: Project) -> None:
    """The allowances of a new project and, with their first one, of whoever made it."""
    PersonalAllowance.objects.get_or_create(user=project.created_by, defaults={"limit_bytes": settings.PERSON_BYTES})
    Allowance.objects.create(project=project, limit_bytes=settings.PROJECT_BYTES)


def room(project: Project) -> int:
    """Bytes that the project can still take: what is left of its own limit and of its maker's."""
    own = PersonalAllowance.objects.get(user=project.created_by_id)
    whole = Allowance.objects.get(project=project)
    return max(0, min(own.limit_bytes - own.taken_bytes, whole.limit_bytes - whole.taken_bytes))


def reserve(*, project: Project, size_bytes: int, at: datetime) -> None:
    """Promise room to an upload that begins. Raises QuotaExceeded."""
    with transaction.atomic():
        _move(project, asked=size_bytes, fits=_fits(size_bytes), reserved_bytes=F("reserved_bytes") + size_bytes)
        _warn(project, taken=size_bytes, at=at)


def fit(*, project: Project, size_bytes: int) -> None:
    """Ask before bytes are stored, so that a refusal leaves none behind uncounted. Raises QuotaExceeded."""
    if not PersonalAllowance.objects.filter(_fits(size_bytes), user=project.created_by_id).exists():
        raise _personal_refusal(project, size_bytes)
    if not Allowance.objects.filter(_fits(size_bytes), project=project).exists():
        raise _refusal(project, size_bytes)


def release(*, project: Project, size_bytes: int) -> None:
    """Take back a promise that was not needed."""
    with transaction.atomic():
        _move(project, asked=0, fits=Q(), reserved_bytes=F("reserved_bytes") - size_bytes)


def charge(*, project: Project, user: User, kind: str, subject: str, size_bytes: int, at: datetime) -> None:
    """Enter stored bytes in the ledger, once for each subject. Raises QuotaExceeded."""
    settle(project=project, user=user, kind=kind, subject=subject, reserved_bytes=0, size_bytes=size_bytes, at=at)


def give_back(*, project: Project, user: User, kind: str, subject: str, size_bytes: int, at: datetime) -> None:
    """Enter in the ledger that stored bytes went; call it in the transaction that removes their row."""
    with transaction.atomic():
        _move(project, asked=0, fits=Q(), used_bytes=F("used_bytes") - size_bytes)
        StorageCharge.objects.create(
            project=project, user=user, kind=kind, subject=subject, size_bytes=-size_bytes, at=at
        )


def settle(
    *,
    project: Project,
    user: User,
    kind: str,
    subject: str,
    reserved_bytes: int,
    size_bytes: int,
    at: datetime,
) -> None:
    """Turn a promise into a ledger line. What is above the promise must fit. Raises QuotaExceeded."""
    above = size_bytes - reserved_bytes
    with transaction.atomic():
        _move(
            project, asked=above, fits=_fits(above) if above > 0 else Q(),
            used_bytes=F("used_bytes") + size_bytes, reserved_bytes=F("reserved_bytes") - reserved_bytes,
        )  # fmt: skip
        StorageCharge.objects.create(
            project=project, user=user, kind=kind, subject=subject, size_bytes=size_bytes, at=at
        )
        _warn(project, taken=above, at=at)


def _fits(size_bytes: int) -> Q:
    return Q(limit_bytes__gte=F("used_bytes") + F("reserved_bytes") + size_bytes)


def _move(project: Project, *, asked: int, fits: Q, **changes: CombinedExpression) -> None:
    """Both allowances or neither; call it in a transaction."""
    if not PersonalAllowance.objects.filter(fits, user=project.created_by_id).update(**changes):
        raise _personal_refusal(project, asked)
    if not Allowance.objects.filter(fits, project=project).update(**changes):
        raise _refusal(project, asked)


def _warn(project: Project, *, taken: int, at: datetime) -> None:
    """Tell maintainers and owners, and whoever made it, that the last `taken` bytes passed a mark of NEAR."""
    whole = Allowance.objects.get(project=project)
    if mark := _passed(whole, taken):
        _tell(
            notifications.members(project, least=Role.MAINTAINER), News.STORAGE_NEAR_LIMIT, whole, subject=project.pk,
            mark=mark, project=project, address=reverse("project-settings", args=[project.slug]), at=at,
        )  # fmt: skip
    own = PersonalAllowance.objects.get(user=project.created_by_id)
    if mark := _passed(own, taken):
        subject = f"user:{own.pk}"
        _tell([own.pk], News.OWN_NEAR_LIMIT, own, subject=subject, mark=mark, address=reverse("usage"), at=at)


def _passed(allowance: Allowance | PersonalAllowance, taken: int) -> int | None:
    """The highest mark of NEAR that lies between what was held before and what is held now."""
    now = allowance.taken_bytes
    return next((mark for mark in NEAR if now - taken < allowance.limit_bytes * mark / 100 <= now), None)


def _tell(
    people: Iterable[int],
    kind: News,
    allowance: Allowance | PersonalAllowance,
    *,
    subject: str,
    mark: int,
    address: str,
    at: datetime,
    project: Project | None = None,
) -> None:
    """In the bell and by e-mail, at most once a day for each mark."""
    notifications.tell(
        people, kind, project=project, subject=f"{subject}:{mark}:{at:%Y-%m-%d}", number=mark, at=at, letter=True,
        detail=f"{bytes_(allowance.taken_bytes)} of {bytes_(allowance.limit_bytes)} are taken.", address=address,
    )  # fmt: skip


def _refusal(project: Project, asked: int) -> QuotaExceeded:
    allowance = Allowance.objects.get(project=project)
    return QuotaExceeded(
        _("This would bring the project to {size} of {limit}. Ask the people who run this server for more.").format(
            **_figures(allowance, asked)
        ),
        extra=_facts(allowance, asked),
    )


def _personal_refusal(project: Project, asked: int) -> QuotaExceeded:
    allowance = PersonalAllowance.objects.get(user=project.created_by_id)
    maker = project.created_by.name or project.created_by.email
    return QuotaExceeded(
        _(
            "This would bring all projects that {maker} made to {size} of {limit}. "
            "Ask the people who run this server for more."
        ).format(maker=maker, **_figures(allowance, asked)),
        extra=_facts(allowance, asked),
    )


def _figures(allowance: Allowance | PersonalAllowance, asked: int) -> dict[str, str]:
    return {"size": bytes_(allowance.taken_bytes + asked), "limit": bytes_(allowance.limit_bytes)}


def _facts(allowance: Allowance | PersonalAllowance, asked: int) -> dict[str, Any]:
    return {"limit": allowance.limit_bytes, "used": allowance.taken_bytes, "requested": asked}
