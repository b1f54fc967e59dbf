"""What a workshop is handed: its job, and the questions it may ask while working."""

import errno
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from fynix.errors import DomainError
from fynix.observability import context, reports, tracing
from fynix.queue import jobs
from fynix.queue.models import Job

log = structlog.get_logger(__name__)

OUT_OF_MEMORY = {
    "code": "out_of_memory",
    "detail": "This needs more memory than one job may use here. "
    "Try fewer rows or columns, or raise FYNIX_JOB_MEMORY_BYTES.",
}


class Interrupted(Exception):
    """The server is going down: the work stops at a safe point and goes on elsewhere."""


class Stopped(Exception):
    """A person cancelled the work."""


@dataclass
class Work:
    """One claimed job in this process. A workshop ends it with jobs.finish inside its own transaction."""

    job: Job
    interrupted: bool = field(default=False, init=False)

    def report(self, stage: str, progress: float) -> None:
        """Say how far the work is, 0 to 100. Raises LeaseLost."""
        jobs.report(self.job, stage=stage, progress=progress)

    def check(self) -> None:
        """Raise Stopped, Interrupted or LeaseLost when the work should not go on."""
        if self.interrupted:
            raise Interrupted
        if jobs.cancel_requested(self.job):
            raise Stopped
        if not jobs.still_mine(self.job):
            raise jobs.LeaseLost(self.job.pk)


def execute(*, job_id: str, attempt: int) -> bool:
    """Run the job's workshop in this process; False when it was interrupted and should be given back."""
    job = Job.objects.get(pk=job_id)
    if job.attempt != attempt:
        return True
    work = Work(job)

    def interrupt(signum: int, frame: FrameType | None) -> None:
        work.interrupted = True

    signal.signal(signal.SIGTERM, interrupt)
    workshop: Callable[[Work], None] = import_string(settings.JOB_KINDS[job.kind]["workshop"])
    with (
        context.bound(request_id=job.request_id, job=job.pk, kind=job.kind),
        tracing.workshop(f"work {job.kind}", job=job.pk, attempt=attempt),
    ):
        log.info("work_began", attempt=attempt)
        return _run(work, workshop)


def _run(work: Work, workshop: Callable[[Work], None]) -> bool:
    job, end = work.job, timezone.now
    try:
        workshop(work)
    except Interrupted:
        return False
    except Stopped:
        jobs.stop(job, at=end())
    except jobs.LeaseLost:
        log.warning("lease_lost")
    except DomainError as error:
        jobs.fail(job, code=error.code, detail=error.message, at=end())
    except MemoryError:
        jobs.fail(job, at=end(), **OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001  noted below without its message, in which a library may quote a cell
        log.error("workshop_failed", error=type(error).__name__, trace=traceback.format_tb(error.__traceback__))
        reports.tell(error)
        jobs.fail(job, at=end(), **_blame(error))
    return True


def _blame(error: Exception) -> dict[str, str]:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return {
            "code": "storage_full",
            "detail": "The server's disk is full. Nothing was lost; free some space and try again.",
        }
    return {
        "code": "internal",
        "detail": f"This should not have happened, and it is in the log under request {context.request_id()}.",
    }
