"""The life of a job: asked for, claimed, renewed, finished, failed, cancelled, lost.

Every move is one conditional UPDATE; whoever changes no row has lost the race and stops. A worker names its
`attempt` in every write, so one that was thought dead can no longer change anything.
"""

from datetime import datetime, timedelta

import dramatiq
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.module_loading import import_string
from redis.exceptions import RedisError

from fynix.observability import context, tracing
from fynix.queue.models import OPEN, Job, State

log = structlog.get_logger(__name__)

LOSSES_ALLOWED = 3
RESEND_AFTER = timedelta(seconds=15)


class LeaseLost(Exception):
    """Another worker holds this job, or it ended: stop and write nothing."""


def enqueue(*, kind: str, subject: str, project_id: str, user_id: int, at: datetime) -> Job:
    """Ask for work; a worker hears of it when the transaction at hand is committed."""
    job = Job.objects.create(
        kind=kind,
        subject=subject,
        project_id=project_id,
        user_id=user_id,
        created_at=at,
        request_id=context.request_id(),
    )
    transaction.on_commit(lambda: wake(job, at=at))
    return job


def wake(job: Job, *, at: datetime) -> None:
    """Tell the workers; when Redis is away the sweeper tells them later."""
    try:
        with context.bound(request_id=job.request_id), tracing.span(f"wake {job.kind}", kind="producer", job=job.pk):
            dramatiq.get_broker().get_actor(job.kind).send(job_id=job.pk)
    except (RedisError, dramatiq.errors.BrokerConnectionError):
        log.warning("wake_up_delayed", job=job.pk)
        return
    Job.objects.filter(pk=job.pk, state=State.QUEUED).update(sent_at=at)


def claim(*, job_id: str, owner: str, at: datetime) -> Job | None:
    """Take a queued job; None when it is not there to take."""
    taken = Job.objects.filter(pk=job_id, state=State.QUEUED).update(
        state=State.RUNNING,
        attempt=F("attempt") + 1,
        lease_owner=owner,
        lease_until=at + _lease(),
        heartbeat_at=at,
        started_at=at,
        stage="",
        progress=0,
    )
    return Job.objects.get(pk=job_id) if taken else None


def place(job: Job) -> int | None:
    """1 for the waiting job of its kind that a worker takes next, 2 for the one after; None for one that waits not."""
    if job.state != State.QUEUED:
        return None
    before = Q(created_at__lt=job.created_at) | Q(created_at=job.created_at, pk__lt=job.pk)
    return Job.objects.filter(before, kind=job.kind, state=State.QUEUED).count() + 1


def renew(job: Job, *, at: datetime) -> bool:
    """Hold on to a claimed job; False when it was taken away."""
    return bool(_mine(job).update(lease_until=at + _lease(), heartbeat_at=at))


def report(job: Job, *, stage: str, progress: float) -> None:
    """Say how far the work is. Raises LeaseLost."""
    tracing.stage(stage)
    if not _mine(job).update(stage=stage, progress=min(max(progress, 0.0), 100.0)):
        raise LeaseLost(job.pk)


def finish(job: Job, *, at: datetime) -> None:
    """End it well. Call inside the transaction that writes the results. Raises LeaseLost."""
    _end(job, _mine(job), state=State.SUCCEEDED, progress=100, at=at)


def fail(job: Job, *, code: str, detail: str, at: datetime) -> None:
    """End it with a reason for people. Raises LeaseLost."""
    _end(job, _mine(job), state=State.FAILED, error_code=code, error_detail=detail, at=at)


def stop(job: Job, *, at: datetime) -> None:
    """End it because a person cancelled it. Raises LeaseLost."""
    _end(job, _mine(job), state=State.CANCELLED, at=at)


def release(job: Job, *, at: datetime) -> None:
    """Give a claimed job back unharmed, as when the server restarts; it is queued again at once."""
    if _mine(job).update(state=State.QUEUED, lease_until=None, lease_owner=""):
        wake(job, at=at)


def lose(job: Job, *, at: datetime) -> None:
    """A worker vanished while holding the job: queue it again, or fail it when that happened too often."""
    with transaction.atomic():
        if job.losses + 1 >= LOSSES_ALLOWED:
            _end(
                job,
                _mine(job),
                state=State.FAILED,
                error_code="worker_lost",
                losses=F("losses") + 1,
                at=at,
                error_detail="The worker was lost three times while doing this, most likely for want of memory. "
                "Try fewer rows or columns, or give the server more memory.",
            )
            return
        again = _mine(job).update(state=State.QUEUED, lease_until=None, lease_owner="", losses=F("losses") + 1)
        if again:
            transaction.on_commit(lambda: wake(job, at=at))


def requeue(*, at: datetime) -> int:
    """Queue everything again that some worker held: of a server that is gone, after a restore. The number queued."""
    held = Job.objects.filter(state=State.RUNNING)
    return held.update(state=State.QUEUED, lease_until=None, lease_owner="", sent_at=None)


def abandon(job: Job, *, code: str, detail: str, at: datetime) -> None:
    """End an open job that nobody can do any more, whoever held it. Raises LeaseLost when it has ended."""
    standing = Job.objects.filter(pk=job.pk, state__in=OPEN)
    _end(job, standing, state=State.FAILED, error_code=code, error_detail=detail, at=at)


def request_cancel(job: Job, *, at: datetime) -> bool:
    """Stop it now if it waits, or ask the worker to; False when it had ended already."""
    with transaction.atomic():
        queued = Job.objects.filter(pk=job.pk, state=State.QUEUED)
        try:
            _end(job, queued, state=State.CANCELLED, cancel_requested_at=at, at=at)
        except LeaseLost:
            running = Job.objects.filter(pk=job.pk, state=State.RUNNING)
            return bool(running.update(cancel_requested_at=at)) or _ended_by_cancel(job)
    return True


def cancel_requested(job: Job) -> bool:
    return _mine(job).filter(cancel_requested_at__isnull=False).exists()


def still_mine(job: Job) -> bool:
    return _mine(job).exists()


def has_ended(job: Job) -> bool:
    """Whether nobody does the job any more and this attempt was its last."""
    return Job.objects.filter(pk=job.pk, attempt=job.attempt).exclude(state__in=OPEN).exists()


def sweep(*, at: datetime) -> None:
    """Put back what vanished workers held, and wake the workers for what waits unheard."""
    for job in Job.objects.filter(state=State.RUNNING, lease_until__lt=at):
        log.warning("lease_expired", job=job.pk, attempt=job.attempt)
        try:
            lose(job, at=at)
        except LeaseLost:
            continue
    unheard = Q(sent_at__isnull=True) | Q(sent_at__lt=at - RESEND_AFTER)
    for job in Job.objects.filter(unheard, state=State.QUEUED, created_at__lt=at - RESEND_AFTER):
        wake(job, at=at)


def _lease() -> timedelta:
    return timedelta(seconds=settings.LEASE_SECONDS)


def _mine(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, state=State.RUNNING, attempt=job.attempt)


def _ended_by_cancel(job: Job) -> bool:
    return Job.objects.filter(pk=job.pk, state=State.CANCELLED).exists()


def _end(job: Job, held: QuerySet[Job], *, state: State, at: datetime, **fields: object) -> None:
    with transaction.atomic():
        if not held.update(state=state, finished_at=at, lease_until=None, **fields):
            raise LeaseLost(job.pk)
        job.refresh_from_db()
        if hook := settings.JOB_KINDS[job.kind]["ended"]:
            import_string(hook)(job, at=at)
