"""How long a project keeps what can go, kind by kind, and what nobody's clock may take.

What must stay is known by the apps above: each says so with `protects`, and everything that deletes asks `kept`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Keepsake, Project, RetentionRule, User
from fynix.errors import Invalid

LEAST_DAYS, MOST_DAYS = 14, 3650
Days = Mapping[Keepsake, int | None]  # after how many days each kind goes; None: never
SERVERS = {
    Keepsake.FILES: "RETENTION_DAYS",
    Keepsake.RESULTS: "RETENTION_RESULT_DAYS",
    Keepsake.UPLOADS: "RETENTION_UPLOAD_DAYS",
    Keepsake.LOGS: "RETENTION_LOG_DAYS",
}
"""The setting of each kind's default."""

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


def days(project: Project) -> dict[Keepsake, int | None]:
    """The project's own rule of each kind, else the server's."""
    own = dict(RetentionRule.objects.filter(project=project).values_list("kind", "days"))
    return {kind: own[kind] if kind in own else getattr(settings, name) or None for kind, name in SERVERS.items()}


def field(kind: Keepsake) -> str:
    """What forms and programs call the days of this kind."""
    return f"{kind}_days"


def set_days(project: Project, asked: Days, *, by: User, at: datetime) -> None:
    """Keep these kinds for so many days from now on, others as before. Raises Invalid."""
    for kind, wanted in asked.items():
        if wanted is not None and not LEAST_DAYS <= wanted <= MOST_DAYS:
            raise Invalid(
                _("Keep it for {least} to {most:,} days, or for ever.").format(least=LEAST_DAYS, most=MOST_DAYS),
                field=field(kind),
            )
    with transaction.atomic():
        former = days(Project.objects.select_for_update().get(pk=project.pk))
        for kind, wanted in asked.items():
            if wanted == former[kind]:
                continue
            RetentionRule.objects.update_or_create(
                project=project, kind=kind, defaults={"days": wanted, "changed_by": by, "changed_at": at}
            )
            audit.record(
                audit.Act.RETENTION_CHANGE, actor=by, project=project, subject=project.pk,
                detail={"kind": kind.value, "former": former[kind], "days": wanted}, at=at,
            )  # fmt: skip
