"""How long a project keeps files that can go, and what nobody's clock may take.

What must stay is known by the apps above: each says so with `protects`, and everything that deletes asks `kept`.
"""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Project, RetentionPolicy, User
from fynix.errors import Invalid

LEAST_DAYS, MOST_DAYS = 14, 3650

Protector = Callable[[Project], set[str]]
_protectors: dict[str, tuple[str | Promise, Protector]] = {}


def protects(key: str, reason: str | Promise) -> Callable[[Protector], Protector]:
    """Register what finds the ids that must stay in a project, and why they must."""

    def register(protector: Protector) -> Protector:
        _protectors[key] = (reason, protector)
        return protector

    return register


def kept(project: Project) -> dict[str, str | Promise]:
    """The ids of everything that must stay, each with the reason; of several reasons the first that was registered."""
    found: dict[str, str | Promise] = {}
    for reason, protector in _protectors.values():
        for subject in protector(project):
            found.setdefault(subject, reason)
    return found


def days(project: Project) -> int | None:
    """After how many days the project's files go; None: never."""
    policy = RetentionPolicy.objects.filter(project=project).first()
    return policy.file_days if policy else settings.RETENTION_DAYS or None


def set_days(project: Project, *, file_days: int | None, by: User, at: datetime) -> None:
    """Keep files for so many days from now on; None: for ever. Raises Invalid."""
    if file_days is not None and not LEAST_DAYS <= file_days <= MOST_DAYS:
        raise Invalid(
            _("Keep files for {least} to {most:,} days, or for ever.").format(least=LEAST_DAYS, most=MOST_DAYS),
            field="file_days",
        )
    former = days(project)
    with transaction.atomic():
        RetentionPolicy.objects.update_or_create(
            project=project, defaults={"file_days": file_days, "changed_by": by, "changed_at": at}
        )
        audit.record(
            audit.Act.RETENTION_CHANGE, actor=by, project=project, subject=project.pk,
            detail={"former": former, "days": file_days}, at=at,
        )  # fmt: skip
