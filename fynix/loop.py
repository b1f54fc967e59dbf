"""From a table to a model in production: seven steps, and how far a person has come."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Project, User
from datasets import versions
from registry.models import Build, DownloadGrant, ModelVersion, Promotion
from sandbox.models import TestRun
from training.models import Run

A_FEW = 100  # runs


@dataclass(frozen=True)
class Step:
    """One step: whether it is taken, and the page where it is done (empty while the step before is missing)."""

    name: str | Promise
    done: bool
    url: str


@dataclass(frozen=True)
class Loop:
    """All steps in order."""

    steps: tuple[Step, ...]

    @property
    def taken(self) -> int:
        return sum(step.done for step in self.steps)

    @property
    def next(self) -> Step | None:
        return next((step for step in self.steps if not step.done), None)


def of(user: User, mine: QuerySet[Project], desk: Project | None) -> Loop | None:
    """How far the person has come in their projects; None when put away, and for who is new no longer.

    That is whoever has promoted something, or has more than A_FEW runs.
    """
    runs = Run.objects.filter(project__in=mine).select_related("project")
    promotions = Promotion.objects.filter(model__project__in=mine)
    if user.first_steps_closed_at or promotions.exists() or runs[: A_FEW + 1].count() > A_FEW:
        return None
    tables = versions.all_versions().filter(dataset__project__in=mine)
    read = tables.filter(table_sha256__gt="").order_by("-pk").first()
    run = runs.order_by("-pk").first()
    ready = ModelVersion.objects.filter(model__project__in=mine, state=Build.READY).select_related("model__project")
    version = ready.order_by("-pk").first()
    model = [version.model.project.slug, version.model.name, version.number] if version else []
    return Loop((
        Step(
            _("Upload a table"),
            tables.exists(),
            reverse("datasets", args=[desk.slug]) if desk else reverse("project-new"),
        ),
        Step(_("Read its profile"), read is not None, reverse("home")),
        Step(_("Train"), run is not None, reverse("run-new", args=[read.dataset.project.slug]) if read else ""),
        Step(
            _("Read the insights"),
            runs.filter(main_metric__gt="").exists(),
            reverse("run", args=[run.project.slug, run.number]) if run else "",
        ),
        Step(
            _("Test with explanations"),
            TestRun.objects.filter(version__model__project__in=mine).exists(),
            reverse("sandbox", args=model) if model else "",
        ),
        Step(
            _("Take it with you"),
            DownloadGrant.objects.filter(artifact__version__model__project__in=mine).exists(),
            f"{reverse('model-version', args=model)}#downloads" if model else "",
        ),
        Step(_("Promote a version"), False, reverse("model-promote", args=model) if model else ""),  # noqa: FBT003
    ))  # fmt: skip
