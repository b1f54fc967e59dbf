"""Doing a job in a child process: hold the lease, pass on a cancellation, read the child's end.

Native code is never interrupted by an exception from outside (it corrupts the heap): a child is asked by a
flag, then by SIGTERM, then killed. The child dies with its worker, and jobs.sweep puts back what such a worker held.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime

import structlog
from django.conf import settings
from django.utils import timezone
from dramatiq.middleware import Shutdown

from fynix import env
from fynix.observability import context, tracing
from fynix.queue import jobs
from fynix.queue.models import Job
from fynix.queue.work import OUT_OF_MEMORY

log = structlog.get_logger(__name__)

POLL_S = 0.2
RENEW_S = 4.0
ASK_S, TERM_S = 10.0, 20.0  # after a cancellation: the flag alone, then SIGTERM, then SIGKILL
FAREWELL_S = 20.0  # for a child that has ended its job: the last events, spans and reports are still on their way
# Waiting OpenMP threads spin by default: on busy cores the same training then takes five times as long.
QUIET_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
RELEASED = 75  # exit status of a child that stopped at a safe point because the server is going down


def supervise(*, job_id: str) -> None:
    """Claim the job and see it through; does nothing when it is not there to take."""
    job = jobs.claim(job_id=job_id, owner=f"{socket.gethostname()}:{os.getpid()}", at=timezone.now())
    if job is None:
        log.info("job_not_taken", job=job_id)
        return
    with (
        context.bound(job=job.pk, kind=job.kind),
        tracing.span(f"attempt {job.kind}", kind="consumer", job=job.pk, attempt=job.attempt) as note,
    ):
        log.info("attempt_began", attempt=job.attempt)
        _see_through(job)
        job.refresh_from_db(fields=["state"])
        note("state", job.state)
        log.info("attempt_ended", attempt=job.attempt, state=job.state)


def _see_through(job: Job) -> None:
    child = _start(job)
    try:
        _watch(job, child)
    except Shutdown:
        _end_child(child, patience_s=TERM_S)
        jobs.release(job, at=timezone.now())
        raise
    finally:
        _end_child(child, patience_s=0)
    _conclude(job, child.returncode, at=timezone.now())


def _start(job: Job) -> subprocess.Popen[bytes]:
    argv = [sys.executable, str(env.ROOT / "manage.py"), "work", job.pk, str(job.attempt)]
    carried = {context.ENVIRONMENT: job.request_id, tracing.ENVIRONMENT: tracing.carried()}
    environment = {**os.environ, **QUIET_THREADS, **carried}
    return subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)


def _watch(job: Job, child: subprocess.Popen[bytes]) -> None:
    """Return when the child has ended or was ended because the job is no longer ours or was cancelled."""
    renewed = time.monotonic()
    cancelled_since: float | None = None
    while child.poll() is None:
        time.sleep(POLL_S)
        now = time.monotonic()
        if now - renewed < RENEW_S:
            continue
        renewed = now
        if not jobs.renew(job, at=timezone.now()):
            _part(child, FAREWELL_S if jobs.has_ended(job) else 0)
        elif jobs.cancel_requested(job):
            cancelled_since = cancelled_since or now
            _insist(child, now - cancelled_since)


def _insist(child: subprocess.Popen[bytes], waited_s: float) -> None:
    if waited_s >= TERM_S:
        child.kill()
    elif waited_s >= ASK_S:
        child.terminate()


def _part(child: subprocess.Popen[bytes], patience_s: float) -> None:
    """Let a child whose job is no longer ours come to its end, and kill it when it does not in this time."""
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()


def _end_child(child: subprocess.Popen[bytes], *, patience_s: float) -> None:
    if child.poll() is None and patience_s:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience_s)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _conclude(job: Job, code: int, *, at: datetime) -> None:
    """Set the end of a job whose child ended without setting it."""
    if not jobs.still_mine(job):
        return
    with suppress(jobs.LeaseLost):
        if jobs.cancel_requested(job):
            jobs.stop(job, at=at)
        elif code == RELEASED:
            jobs.release(job, at=at)
        else:
            log.error("child_died", code=code)
            if settings.JOB_MEMORY_BYTES and code == -signal.SIGABRT:  # how native code ends at its limit, every time
                jobs.fail(job, at=at, **OUT_OF_MEMORY)
            else:
                jobs.lose(job, at=at)
