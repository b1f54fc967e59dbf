"""Answers of tests of many rows, row by row, for taking away, and the rows that somebody sent to be answered.

The evidence stays: figures, drift, comparisons. So does the row of the test, with the names of the files and their
hashes. Held-back rows and tables of the project are not the test's own, and stay with what they belong to.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q
from django.urls import reverse

from accounts import audit, quotas, retention
from accounts.models import Keepsake, Project
from fynix import blobs
from fynix.queue.models import OPEN
from fynix.retention.stored import Stored
from registry.models import RegisteredModel
from sandbox.models import Batch, Source

ANSWERS = Q(results_sha256__gt="", results_gone_at__isnull=True)
ROWS = Q(source=Source.FILE, rows_gone_at__isnull=True)


def stored(project: Project) -> Iterator[Stored]:
    """Every test that has ended with answers or rows of its own, also one that failed."""
    there = Batch.objects.filter(ANSWERS | ROWS, model__project=project).exclude(job__state__in=OPEN)
    for batch in there.select_related("model"):
        files = _there(batch)
        yield Stored(
            Keepsake.RESULTS, batch.pk, f"{batch.model.name} · {batch.filename or batch.get_source_display()}",
            reverse("batch-test", args=[project.slug, batch.pk]), len(files), sum(size for _, size in files.values()),
            batch.created_at, (batch.pk,),
        )  # fmt: skip


def let_go(project: Project, subject: str, *, at: datetime) -> None:
    """Note that they went and give the room back, unless they must stay. Call in a transaction."""
    batch = Batch.objects.select_related("created_by").get(pk=subject)
    # Whoever cites it in a promotion now comes first or last.
    RegisteredModel.objects.select_for_update().get(pk=batch.model_id)
    batch.refresh_from_db(fields=["rows_gone_at", "results_gone_at"])
    files = _there(batch)
    if not files or batch.pk in retention.kept(project):
        return
    for what, (sha256, size_bytes) in files.items():
        blobs.touch(sha256)  # a backup under way that still names it will find it
        quotas.give_back(
            project=project, user=batch.created_by, kind="test", subject=f"{batch.pk}:{what}", size_bytes=size_bytes,
            at=at,
        )  # fmt: skip
    Batch.objects.filter(pk=batch.pk).update(**{f"{what}_gone_at": at for what in files})
    gone = {what: sha256 for what, (sha256, _) in files.items()}
    audit.record(
        audit.Act.RESULTS_EXPIRE, actor=None, project=project, subject=batch.pk, at=at,
        detail={**gone, "bytes": sum(size for _, size in files.values())},
    )  # fmt: skip


def _there(batch: Batch) -> dict[str, tuple[str, int]]:
    """The hash and bytes of each file that is the test's own, by its name in the ledger."""
    files = {}
    if batch.source == Source.FILE and not batch.rows_gone_at:
        files["rows"] = (batch.input_sha256, batch.rows_bytes)
    if batch.results_sha256 and not batch.results_gone_at:
        files["results"] = (batch.results_sha256, batch.results_bytes)
    return files
