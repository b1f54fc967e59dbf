"""Answers of tests of many rows, row by row, for taking away.

The evidence stays: figures, drift, comparisons. So does the row of the test, with the name of the file and its hash.
"""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse

from accounts import audit, quotas, retention
from accounts.models import Keepsake, Project
from fynix import blobs
from fynix.retention.stored import Stored
from registry.models import RegisteredModel
from sandbox.models import Batch


def stored(project: Project) -> Iterator[Stored]:
    """Every test whose answers are there."""
    there = Batch.objects.filter(model__project=project, results_sha256__gt="", results_gone_at__isnull=True)
    for batch in there.select_related("model"):
        yield Stored(
            Keepsake.RESULTS, batch.pk, f"{batch.model.name} · {batch.filename or batch.get_source_display()}",
            reverse("batch-test", args=[project.slug, batch.pk]), 1, batch.results_bytes, batch.created_at, (batch.pk,),
        )  # fmt: skip


def let_go(project: Project, subject: str, *, at: datetime) -> None:
    """Note that they went and give the room back, unless they must stay. Call in a transaction."""
    batch = Batch.objects.select_related("created_by").get(pk=subject)
    # Whoever cites it in a promotion now comes first or last.
    RegisteredModel.objects.select_for_update().get(pk=batch.model_id)
    batch.refresh_from_db(fields=["results_gone_at"])
    if batch.results_gone_at or batch.pk in retention.kept(project):
        return
    blobs.touch(batch.results_sha256)  # a backup under way that still names it will find it
    quotas.give_back(
        project=project, user=batch.created_by, kind="test", subject=f"{batch.pk}:results",
        size_bytes=batch.results_bytes, at=at,
    )  # fmt: skip
    Batch.objects.filter(pk=batch.pk).update(results_gone_at=at)
    audit.record(
        audit.Act.RESULTS_EXPIRE, actor=None, project=project, subject=batch.pk, at=at,
        detail={"file": batch.results_sha256, "bytes": batch.results_bytes},
    )  # fmt: skip
