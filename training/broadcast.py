"""The engine's observer: gathers what a training tells and publishes it four times a second from a thread."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from fynix.observability import tracing
from fynix.queue import jobs
from fynix.queue.work import Interrupted, Stopped, Work
from training import events
from training.engine.observer import Level, RoundPoint, Stage
from training.engine.recipes import Candidate
from training.estimates import Pace
from training.events import Event, Metric, Point, Progress
from training.models import Run

log = structlog.get_logger(__name__)

FLUSH_S = 0.25
PROGRESS_S = 0.5  # between two progress events of one stage
CHECK_S = 1.0  # between looks at whether the run goes on
POINTS = 100  # rounds in one event


class Broadcast:
    """Observes one attempt at a run. Every method returns at once; a thread of its own does the writing."""

    def __init__(self, *, run: Run, work: Work) -> None:
        self._run, self._work = run, work
        self._pending: list[Event] = []
        self._stage: events.StageName = "queued"
        self._percent = 0.0
        self._pace = Pace(())
        self._progress_at = 0.0
        self._checked_at = 0.0
        self._end: Exception | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._publish_until_closed, name="broadcast", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Publish what is left and end the thread."""
        self._closing.set()
        self._thread.join()

    # What the engine calls

    def stage(self, stage: Stage, progress: float) -> None:
        tracing.stage(stage)
        self._stage, self._percent = stage, events.percent(stage, progress)
        left = self._pace.left(progress) if stage == "train" else None
        self._add(Progress(at=timezone.now(), stage=stage, progress=self._percent, seconds_left=left))

    def plan(self, candidates: Sequence[Candidate]) -> None:
        self._pace = Pace(candidates)

    def rounds(self, points: Sequence[RoundPoint]) -> None:
        self._pace.see(points[-1].candidate, points[-1].step)
        told = tuple(Point(point.step, point.metrics, point.candidate) for point in points)
        self._add(Metric(at=timezone.now(), stage=self._stage, points=told))

    def log(self, level: Level, message: str) -> None:
        self._add(events.Log(at=timezone.now(), stage=self._stage, level=level, message=message))

    def cancelled(self) -> bool:
        if self._work.interrupted and self._end is None:
            self._end = Interrupted()
        return self._end is not None

    def reason(self) -> Exception:
        """Why the work was told to stop: Stopped, Interrupted or LeaseLost."""
        return self._end or Stopped()

    # What the thread does

    def _add(self, event: Event) -> None:
        """Join the event to the last one where both say the same kind of thing of the same stage."""
        with self._lock:
            last = self._pending[-1] if self._pending else None
            if joined := _joined(last, event):
                self._pending[-1] = joined
            else:
                self._pending.append(event)

    def _publish_until_closed(self) -> None:
        try:
            while not self._closing.wait(FLUSH_S):
                self._flush(final=False)
                self._look()
            self._flush(final=True)
        finally:
            connection.close()

    def _flush(self, *, final: bool) -> None:
        fresh = self._taken(final=final)
        if not fresh or isinstance(self._end, jobs.LeaseLost):
            return
        try:
            with transaction.atomic():
                jobs.report(self._work.job, stage=self._stage, progress=self._percent)
                events.publish(self._run, fresh, attempt=self._work.job.attempt)
        except jobs.LeaseLost as lost:
            self._end = lost
        except DatabaseError:
            log.warning("events_delayed", waiting=len(fresh))
            connection.close_if_unusable_or_obsolete()  # the next flush finds a database that came back
            with self._lock:
                self._pending[:0] = fresh

    def _taken(self, *, final: bool) -> list[Event]:
        """The pending events; progress within a stage waits until PROGRESS_S have passed."""
        with self._lock:
            fresh, self._pending = self._pending, []
            early = time.monotonic() - self._progress_at < PROGRESS_S
            last = fresh[-1] if fresh else None
            if early and not final and isinstance(last, Progress) and last.progress > events.percent(last.stage, 0):
                self._pending = [fresh.pop()]
        if any(isinstance(event, Progress) for event in fresh):
            self._progress_at = time.monotonic()
        return fresh

    def _look(self) -> None:
        """Ask now and then whether the run is still wanted and still ours."""
        if time.monotonic() - self._checked_at < CHECK_S:
            return
        self._checked_at = time.monotonic()
        try:
            self._work.check()
        except (Stopped, Interrupted, jobs.LeaseLost) as end:
            self._end = self._end or end
        except DatabaseError:
            log.warning("check_delayed")


def _joined(last: Event | None, event: Event) -> Event | None:
    """One event in place of two, or None when both must be told."""
    if last is None or type(last) is not type(event) or last.stage != event.stage:
        return None
    if isinstance(last, Metric) and isinstance(event, Metric) and len(last.points) < POINTS:
        return Metric(at=event.at, stage=event.stage, points=last.points + event.points)
    if isinstance(event, Progress) and isinstance(last, Progress) and last.progress > events.percent(last.stage, 0):
        return event
    return None


def began(run: Run, work: Work, *, at: datetime) -> None:
    """Tell that this attempt has begun. Raises LeaseLost."""
    state = events.Status(at=at, stage="queued", state="running", attempt=work.job.attempt)
    events.publish(run, [state], attempt=work.job.attempt)
