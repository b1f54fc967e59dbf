"""What stays however old it is, because somebody relies on it.

A version that stays takes along the tests in which it answered.
"""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from accounts import retention
from accounts.models import Project
from fynix.queue.models import OPEN
from registry import promotion
from registry.models import Alias, ModelVersion, Pin, Promotion
from sandbox.models import Batch, TestRun


@retention.protects("production", _("in production"))
def production(project: Project) -> set[str]:
    return _around(_versions(project, is_production=True))


@retention.protects("rollback", _("production would be rolled back to it"))
def rollback_target(project: Project) -> set[str]:
    current = ModelVersion.objects.filter(model__project=project, is_production=True).select_related("model")
    return _around(target.pk for target in map(promotion.previous, current) if target is not None)


@retention.protects("pin", _("somebody pinned it"))
def pinned(project: Project) -> set[str]:
    return _around(Pin.objects.filter(version__model__project=project).values_list("version_id", flat=True))


@retention.protects("alias", _("an alias names it"))
def named(project: Project) -> set[str]:
    return _around(Alias.objects.filter(version__model__project=project).values_list("version_id", flat=True))


@retention.protects("evidence", _("its tests are evidence"))
def evidence(project: Project) -> set[str]:
    return set(TestRun.objects.filter(version__model__project=project).values_list("version_id", flat=True))


@retention.protects("cited", _("a promotion cites it"))
def cited(project: Project) -> set[str]:
    named = Promotion.objects.filter(model__project=project, evidence__batch__isnull=False)
    return set(named.values_list("evidence__batch_id", flat=True))


@retention.protects("work", _("its files are being made"))
def under_way(project: Project) -> set[str]:
    return set(_versions(project, job__state__in=OPEN))


def _around(versions: Iterable[str]) -> set[str]:
    """These versions, with what is kept for their sake."""
    chosen = set(versions)
    return chosen | set(Batch.objects.filter(versions__in=chosen).values_list("pk", flat=True))


def _versions(project: Project, **which: object) -> list[str]:
    return list(ModelVersion.objects.filter(model__project=project, **which).values_list("pk", flat=True))
