"""What stays however old it is, because somebody relies on it.

A version that stays takes along the tests in which it answered and the file of the table that it learnt from.
"""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from accounts import retention
from accounts.models import Project
from datasets.models import DatasetVersion
from fynix.queue.models import OPEN, State
from registry import promotion
from registry.models import Alias, ModelVersion, Pin
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
    tests = Batch.objects.filter(test_runs__promotions__model__project=project)
    return {name for pair in tests.values_list("pk", "table_id") for name in pair if name}


@retention.protects("newest", _("the newest version of its table"))
def newest(project: Project) -> set[str]:
    read = DatasetVersion.objects.filter(dataset__project=project, job__state=State.SUCCEEDED)
    newer = read.filter(dataset=OuterRef("dataset"), number__gt=OuterRef("number"))
    return set(read.filter(~Exists(newer)).values_list("pk", flat=True))


@retention.protects("reading", _("it is being read"))
def being_read(project: Project) -> set[str]:
    open_ = DatasetVersion.objects.filter(dataset__project=project, job__state__in=OPEN)
    return set(open_.values_list("pk", flat=True))


@retention.protects("work", _("its files are being made"))
def under_way(project: Project) -> set[str]:
    return set(_versions(project, job__state__in=OPEN))


def _around(versions: Iterable[str]) -> set[str]:
    """These versions, with what is kept for their sake."""
    chosen = set(versions)
    tests = Batch.objects.filter(versions__in=chosen).values_list("pk", flat=True)
    tables = ModelVersion.objects.filter(pk__in=chosen).values_list("run__dataset_version_id", flat=True)
    return chosen | set(tests) | set(tables)


def _versions(project: Project, **which: object) -> list[str]:
    return list(ModelVersion.objects.filter(model__project=project, **which).values_list("pk", flat=True))
