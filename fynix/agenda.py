"""What runs in a person's projects, what waits for the person, and what is in production."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, OuterRef, QuerySet, Subquery

from accounts.access import NEEDS, Action
from accounts.models import Allowance, Membership, Project, Role, User
from datasets import versions
from datasets.models import DatasetVersion
from fynix.queue.models import OPEN, State
from registry.models import Approval, Build, Decision, ModelVersion, Promotion, RegisteredModel
from sandbox.models import TestRun
from training.models import Run

LATEST = 6  # rows of each list
MOST_RUNNING = 20
FRESH = timedelta(days=7)  # a failure older than that needs nobody any more
NEARLY_FULL = 0.8


@dataclass(frozen=True)
class Running:
    """Work under way, newest first."""

    tables: list[DatasetVersion]
    runs: list[Run]

    def __bool__(self) -> bool:
        return bool(self.tables or self.runs)


@dataclass(frozen=True)
class Waiting:
    """What needs the person: failures with their cause, versions to decide about, stores that are nearly full."""

    runs: list[Run]
    tables: list[DatasetVersion]
    broken: list[ModelVersion]
    ready: list[ModelVersion]
    full: list[Allowance]

    def __bool__(self) -> bool:
        return bool(self.runs or self.tables or self.broken or self.ready or self.full)


def running(mine: QuerySet[Project]) -> Running:
    tables = versions.all_versions().filter(dataset__project__in=mine, job__state__in=OPEN)
    runs = runs_of(mine).filter(job__state__in=OPEN)
    return Running(
        list(tables.order_by("-created_at")[:MOST_RUNNING]), list(runs.order_by("-created_at")[:MOST_RUNNING])
    )


def waiting(user: User, mine: QuerySet[Project], *, at: datetime) -> Waiting:
    """Failures are shown to whoever started the work, for FRESH; versions to whoever may promote them."""
    failed = {"job__user_id": user.pk, "job__state": State.FAILED, "job__finished_at__gt": at - FRESH}
    built = ModelVersion.objects.select_related("model__project", "job")
    return Waiting(
        runs=list(runs_of(mine).filter(job__kind="train", **failed).order_by("-job__finished_at")[:LATEST]),
        tables=list(
            versions.all_versions()
            .filter(dataset__project__in=mine, job__kind="profile", **failed)
            .order_by("-job__finished_at")[:LATEST]
        ),
        broken=list(
            built.filter(model__project__in=mine, job__kind="package", **failed).order_by("-job__finished_at")[:LATEST]
        ),
        ready=list(_undecided(user).order_by("-created_at")[:LATEST]),
        full=list(
            Allowance.objects.filter(
                project__in=mine,
                limit_bytes__gt=0,
                limit_bytes__lt=(F("used_bytes") + F("reserved_bytes")) / NEARLY_FULL,
            ).select_related("project")
        ),
    )


def production(mine: QuerySet[Project]) -> QuerySet[ModelVersion]:
    """Versions in production with `since`, `tested_at` (null: never) and `tests`, ordered by their names."""
    current = ModelVersion.objects.filter(model__project__in=mine, is_production=True)
    moves = Promotion.objects.filter(model=OuterRef("model")).order_by("-seq")
    tests = TestRun.objects.filter(version=OuterRef("pk")).order_by("-created_at")
    return (
        current.select_related("model__project")
        .annotate(since=Subquery(moves.values("at")[:1]), tested_at=Subquery(tests.values("created_at")[:1]))
        .order_by("model__project__name", "model__name")
    )


def proposed() -> QuerySet[ModelVersion]:
    """Versions whose newest step of approval is the question, the longest waiting first; `asked_at` and `asked_by`."""
    steps = Approval.objects.filter(version=OuterRef("pk")).order_by("-seq")
    rows = ModelVersion.objects.select_related("model__project").annotate(
        standing=Subquery(steps.values("decision")[:1]),
        asked_at=Subquery(steps.values("at")[:1]),
        asked_by=Subquery(steps.values("by__email")[:1]),
    )
    return rows.filter(standing=Decision.REQUESTED).order_by("asked_at")


def runs_of(mine: QuerySet[Project]) -> QuerySet[Run]:
    return Run.objects.filter(project__in=mine).select_related("job", "project", "created_by")


def _undecided(user: User) -> QuerySet[ModelVersion]:
    """The newest ready version of each model, where it is newer than the one in production and the person may act."""
    able = [role for role in Role if role.rank >= NEEDS[Action.PROMOTE].rank]
    places = Membership.objects.filter(user=user, role__in=able).values("project")
    # The version in production is ready, too.
    ready = ModelVersion.objects.filter(model=OuterRef("pk"), state=Build.READY, archived_at=None)
    models = RegisteredModel.objects.filter(project__in=places)
    newest = models.annotate(newest=Subquery(ready.order_by("-number").values("pk")[:1])).values("newest")
    return ModelVersion.objects.filter(pk__in=newest, is_production=False).select_related("model__project")
