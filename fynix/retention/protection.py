"""What stays however old it is: versions whose files somebody relies on."""

from django.utils.translation import gettext_lazy as _

from accounts import retention
from accounts.models import Project
from fynix.queue.models import OPEN
from registry import promotion
from registry.models import Alias, ModelVersion, Pin
from sandbox.models import TestRun


@retention.protects("production", _("in production"))
def production(project: Project) -> set[str]:
    return set(_versions(project, is_production=True))


@retention.protects("rollback", _("production would be rolled back to it"))
def rollback_target(project: Project) -> set[str]:
    current = ModelVersion.objects.filter(model__project=project, is_production=True).select_related("model")
    return {target.pk for target in map(promotion.previous, current) if target is not None}


@retention.protects("pin", _("somebody pinned it"))
def pinned(project: Project) -> set[str]:
    return set(Pin.objects.filter(version__model__project=project).values_list("version_id", flat=True))


@retention.protects("alias", _("an alias names it"))
def named(project: Project) -> set[str]:
    return set(Alias.objects.filter(version__model__project=project).values_list("version_id", flat=True))


@retention.protects("evidence", _("its tests are evidence"))
def evidence(project: Project) -> set[str]:
    return set(TestRun.objects.filter(version__model__project=project).values_list("version_id", flat=True))


@retention.protects("work", _("its files are being made"))
def under_way(project: Project) -> set[str]:
    return set(_versions(project, job__state__in=OPEN))


def _versions(project: Project, **which: object) -> list[str]:
    return list(ModelVersion.objects.filter(model__project=project, **which).values_list("pk", flat=True))
