"""The desk for tests of many rows: one to five versions of a model answer the same rows, in the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import notifications, quotas
from accounts.models import News, Project, User
from datasets import versions as tables
from datasets.models import DatasetVersion
from fynix import blobs
from fynix.errors import Conflict, DomainError, Invalid
from fynix.queue import jobs
from fynix.queue.models import OPEN, Job, State
from registry.models import ModelVersion
from sandbox import evidence
from sandbox.models import Batch, Source

MOST_VERSIONS = 5
MOST_BYTES = 25 * (1 << 20)  # of a file that is sent with a form; a larger one comes as a table of the project
MOST_OPEN = 3  # batches of one project that wait or run


class TooManyBatches(DomainError):
    code = "too_many_batches"
    status = 429


class NotWhole(Conflict):
    code = "test_not_finished"


class ResultsGone(DomainError):
    code = "results_gone"
    status = 410


class RowsTooLarge(DomainError):
    code = "rows_too_large"
    status = 413


@dataclass(frozen=True)
class Rows:
    """Where the rows come from: a file that was sent, the held-back rows of a version, or a table of the project."""

    source: Source
    filename: str = ""
    data: bytes = b""
    holdout_of: ModelVersion | None = None
    table: DatasetVersion | None = None


def start(*, versions: Sequence[ModelVersion], rows: Rows, label: str, by: User, at: datetime) -> Batch:
    """Queue it. `label` names the column with the right answers; empty: that of the target's name, when there is one.

    Raises Invalid, RowsTooLarge, evidence.NotReady, TooManyBatches, and quotas' refusal when there is no room.
    """
    _check_versions(versions)
    model = versions[0].model
    sha256 = _stored(rows, model.project)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=model.project_id)
        _check_open(model.project)
        batch = Batch(
            model=model, source=rows.source, table=rows.table, filename=rows.filename, input_sha256=sha256,
            rows_bytes=len(rows.data), label=label, created_by=by, created_at=at,
        )  # fmt: skip
        batch.job = jobs.enqueue(kind="test", subject=batch.pk, project_id=model.project_id, user_id=by.pk, at=at)
        batch.save(force_insert=True)
        batch.versions.set(versions)
        if rows.source == Source.FILE:
            quotas.charge(
                project=model.project, user=by, kind="test", subject=f"{batch.pk}:rows", size_bytes=len(rows.data),
                at=at,
            )  # fmt: skip
    return batch


def ended(job: Job, *, at: datetime) -> None:
    """The queue's word that a test ended: whoever asked for it hears how."""
    batch = Batch.objects.select_related("model__project").filter(job=job).first()
    if batch is None or job.state == State.CANCELLED:
        return
    kind = News.TEST_FINISHED if job.state == State.SUCCEEDED else News.TEST_FAILED
    notifications.tell(
        [batch.created_by_id], kind, project=batch.model.project, subject=batch.pk, thing=batch.model.name,
        detail=job.error_detail, at=at, address=reverse("batch-test", args=[batch.model.project.slug, batch.pk]),
    )  # fmt: skip


def results(batch: Batch) -> str:
    """The hash of the answers as CSV. Raises NotWhole before they are there, ResultsGone once they are not."""
    if not batch.results_sha256:
        raise NotWhole(_("This test has no results: it has not finished, or it failed. Its page says which."))
    if batch.results_gone_at:
        raise ResultsGone(
            _("The answers went on {day}: this project keeps them for a time. The figures stay.").format(
                day=f"{batch.results_gone_at:%Y-%m-%d}"
            )
        )
    return batch.results_sha256


def _check_versions(versions: Sequence[ModelVersion]) -> None:
    if not 1 <= len({version.pk for version in versions}) <= MOST_VERSIONS:
        raise Invalid(_("Choose one to {most} versions.").format(most=MOST_VERSIONS), field="others")
    if len({version.model_id for version in versions}) > 1:
        raise Invalid(_("Choose versions of one model: others answer another question."), field="others")
    for version in versions:
        evidence.require_ready(version)


def _stored(rows: Rows, project: Project) -> str:
    """The hash under which the rows lie."""
    if rows.holdout_of is not None:
        return rows.holdout_of.run.outcome.holdout_sha256
    if rows.table is not None:
        if not tables.ready(rows.table):
            raise tables.NotReady(_("This table has not been read yet. Start the test once its profile is there."))
        return rows.table.table_sha256
    if not rows.data:
        raise Invalid(_("Choose a file with rows. This one is empty."), field="file")
    if len(rows.data) > MOST_BYTES:
        raise RowsTooLarge(
            _("A file for a test has at most {most} MiB. Upload a larger one as a dataset and test on that.").format(
                most=MOST_BYTES >> 20
            ),
            field="file",
        )
    quotas.fit(project=project, size_bytes=len(rows.data))
    return blobs.put_bytes(rows.data).sha256


def _check_open(project: Project) -> None:
    waiting = Batch.objects.filter(model__project=project, job__state__in=OPEN).aggregate(n=Count("pk"))["n"]
    if waiting >= MOST_OPEN:
        raise TooManyBatches(
            _("{waiting} tests of this project wait or run, which is the limit. Wait for one to end.").format(
                waiting=waiting
            )
        )
