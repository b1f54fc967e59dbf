"""The workshop of a run: train, watch, store."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import quotas
from datasets import versions
from fynix import blobs
from fynix.queue import jobs
from fynix.queue.work import Work
from training import broadcast, engine, events, narrative, rephrasing, runs
from training.broadcast import Broadcast
from training.checkpoints import Kept
from training.models import Outcome, Run
from training.signals import run_finished

if TYPE_CHECKING:
    from training.engine.boost import Lay


def execute(work: Work) -> None:
    """Train the run of this job and end the job. Raises Stopped, Interrupted or LeaseLost."""
    run = Run.objects.select_related("dataset_version__job", "project").get(job=work.job)
    broadcast.began(run, work, at=timezone.now())
    try:
        outcome = _train(run, work)
    except engine.Untrainable as refusal:
        jobs.fail(work.job, code=refusal.code, detail=refusal.message, at=timezone.now())
        return
    work.check()
    conclude(run, work, outcome)


def _train(run: Run, work: Work) -> engine.Outcome:
    config = engine.RunConfig.from_json(run.config)
    kept = Kept(run=run.pk, attempt=work.job.attempt)
    with (
        versions.table(run.dataset_version) as table,
        Broadcast(run=run, work=work) as observer,
        _cluster(observer) as lay,
    ):
        try:
            return engine.train(
                table=table,
                config=replace(config, threads=config.threads or settings.JOB_THREADS),
                observer=observer,
                checkpoints=kept,
                lay=lay,
            )
        except engine.Cancelled:
            raise observer.reason() from None


@contextmanager
def _cluster(observer: engine.Observer) -> Iterator[Lay | None]:
    """The Dask cluster that DASK_SCHEDULER names, or None for this machine. Raises Untrainable."""
    if not settings.DASK_SCHEDULER:
        yield None
        return
    from training.engine import cluster  # noqa: PLC0415  an optional extra, and seconds to load

    try:
        client = cluster.connect(settings.DASK_SCHEDULER)
    except OSError:
        raise engine.Untrainable(
            "cluster_unavailable",
            "The Dask cluster does not answer, so nothing was trained. Tell whoever looks after this server, "
            "then run again.",
        ) from None
    with client:
        observer.log("info", cluster.describe(client))
        yield cluster.lay_on(client)


def conclude(run: Run, work: Work, outcome: engine.Outcome) -> None:
    """Store the model and say so, all of it or nothing."""
    rows = _parquet(outcome)
    quotas.fit(project=run.project, size_bytes=len(rows) + len(outcome.native))
    model, holdout = blobs.put_bytes(outcome.native), blobs.put_bytes(rows)
    names = [outcome.schema.target, *outcome.schema.names, *outcome.schema.classes]
    story = rephrasing.rephrase(narrative.narrate(outcome.report), names=names)
    at = timezone.now()
    with transaction.atomic():
        # The attempt is checked here, and its job stays locked to the end.
        last_words = _last_words(run, outcome, model=model, holdout=holdout, claims=len(story.claims), at=at)
        events.publish(run, last_words, attempt=work.job.attempt)
        Outcome.objects.create(
            run=run,
            report=outcome.report.to_json(),
            narrative=story.to_json(),
            schema=outcome.schema.to_json(),
            model_sha256=model.sha256,
            model_bytes=model.size_bytes,
            holdout_sha256=holdout.sha256,
            created_at=at,
        )
        # The model's bytes are charged once, when they are published as a file.
        quotas.charge(
            project=run.project, user=run.created_by, kind="run", subject=run.pk, size_bytes=holdout.size_bytes, at=at
        )
        runs.measure(run, outcome.report)
        run.main_metric, run.main_value = outcome.report.main, outcome.report.headline.value
        run.save(update_fields=["main_metric", "main_value"])
        jobs.finish(work.job, at=at)
        run_finished.send(sender=Run, run=run, at=at)


def _parquet(outcome: engine.Outcome) -> bytes:
    buffer = io.BytesIO()
    outcome.holdout.write_parquet(buffer)
    return buffer.getvalue()


def _last_words(
    run: Run, outcome: engine.Outcome, *, model: blobs.Blob, holdout: blobs.Blob, claims: int, at: datetime
) -> list[events.Event]:
    top = tuple(item.column for item in outcome.report.importance[:5])
    return [
        _stored(run, "model", "ubj", model, at=at),
        _stored(run, "holdout", "parquet", holdout, at=at),
        events.ExplainReady(at=at, stage="explain", claims=claims, top_columns=top),
    ]


def _stored(run: Run, kind: str, form: str, blob: blobs.Blob, *, at: datetime) -> events.Artifact:
    return events.Artifact(
        at=at,
        stage="explain",
        id=run.pk,
        kind=kind,
        format=form,
        size_bytes=blob.size_bytes,
        sha256=blob.sha256,
    )
