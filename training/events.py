"""The run feed, version 1: what a run tells while it lives, numbered by the database.

Every event is a type of its own. On the wire and in `docs/events.md` it is one flat JSON object; clients
ignore types and fields they do not know. docs/decisions/0003 says why the database gives the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, get_args

from django.db import transaction
from django.db.models import F

from fynix.feed import stream
from fynix.observability import context
from fynix.queue import jobs
from fynix.queue.models import Job, State
from training.engine.observer import Level
from training.models import Run, RunEvent

VERSION = 1
LONGEST_LINE = 4096  # bytes of a log line

StageName = Literal["queued", "load", "check", "split", "train", "evaluate", "explain", "package", "done"]
STAGES: tuple[StageName, ...] = get_args(StageName)
SHARES: dict[StageName, tuple[float, float]] = {
    "load": (0, 3),
    "check": (3, 6),
    "split": (6, 10),
    "train": (10, 80),
    "evaluate": (80, 86),
    "explain": (86, 90),
    "package": (90, 100),
}
"""Where each stage begins and ends in the whole run, in percent."""
Word = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled", "packaged", "packaging_failed"]
WORDS: dict[str, Word] = {
    State.QUEUED: "queued",
    State.RUNNING: "running",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}


def stage_named(text: str) -> StageName:
    """The stage of that name; a job that has not begun one is queued."""
    return next((stage for stage in STAGES if stage == text), "queued")


def percent(stage: StageName, part: float) -> float:
    """The share of the whole run that is done, in percent, when `part` (0 to 1) of a stage is."""
    begin, end = SHARES[stage]
    return begin + (end - begin) * part


@dataclass(frozen=True, kw_only=True)
class Event:
    """What all events have: the moment it happened and the stage the run was in."""

    type: ClassVar[str]
    at: datetime
    stage: StageName

    def body(self) -> dict[str, Any]:
        """The fields of this type as JSON, without the envelope."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """The run moved on. `progress` is the share of the whole run that is done, 0 to 100.

    `seconds_left` is roughly what training still takes at its pace so far, or null when nobody can tell.
    """

    type = "progress"
    progress: float
    seconds_left: float | None = None

    def body(self) -> dict[str, Any]:
        left = None if self.seconds_left is None else round(self.seconds_left, 1)
        return {"progress": round(min(max(self.progress, 0.0), 100.0), 1), "seconds_left": left}


@dataclass(frozen=True)
class Point:
    """Metrics after round `step`, counted from 1 within the parameter set `candidate`."""

    step: int
    metrics: Mapping[str, float]
    candidate: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"step": self.step, "candidate": self.candidate, "metrics": finite(self.metrics)}


@dataclass(frozen=True, kw_only=True)
class Metric(Event):
    """New rounds, oldest first. `metrics` repeats the newest round; a value that is not finite is null.

    After a resume, rounds come again with equal values: a client keys points by candidate and step.
    """

    type = "metric"
    points: tuple[Point, ...]

    def body(self) -> dict[str, Any]:
        points = [point.to_json() for point in self.points]
        return {"metrics": points[-1]["metrics"], "points": points}


@dataclass(frozen=True, kw_only=True)
class Log(Event):
    """One line for people, at most 4096 bytes. It never holds a cell value.

    Its words may go after a time, by the project's rule: then `message` and `request_id` are empty and `gone` is true.
    Number, moment, stage and level stay. A line whose words are there has no `gone`.
    """

    type = "log"
    level: Level
    message: str

    def body(self) -> dict[str, Any]:
        return {"log": {"level": self.level, "message": cut(self.message)}}


@dataclass(frozen=True, kw_only=True)
class Artifact(Event):
    """A file was stored: its kind (model, holdout, download), format, size in bytes and hash."""

    type = "artifact"
    id: str
    kind: str
    format: str
    size_bytes: int
    sha256: str

    def body(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in ("id", "kind", "format", "size_bytes", "sha256")}
        return {"artifact": facts}


@dataclass(frozen=True, kw_only=True)
class ExplainReady(Event):
    """The report is written: how many insights it has and which columns mattered most."""

    type = "explain_ready"
    claims: int
    top_columns: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        return {"explain": {"claims": self.claims, "top_columns": list(self.top_columns)}}


@dataclass(frozen=True, kw_only=True)
class Error(Event):
    """The run failed: a stable code and a sentence that says what to do."""

    type = "error"
    code: str
    message: str

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": cut(self.message)}}


@dataclass(frozen=True, kw_only=True)
class Status(Event):
    """The run's state changed.

    A run that `succeeded` becomes a version; it is `packaged` when the version's files are ready, and
    `packaging_failed` says that they could not be made.
    """

    type = "status"
    state: Word
    attempt: int = field(default=0)

    def body(self) -> dict[str, Any]:
        return {"status": {"state": self.state, "attempt": self.attempt}}


TYPES: tuple[type[Event], ...] = (Progress, Metric, Log, Artifact, ExplainReady, Error, Status)


def publish(run: Run, events: Sequence[Event], *, attempt: int | None = None) -> int:
    """Number the events, store them, and pass them on once the transaction is committed; gives the last number.

    A worker names the `attempt` it holds, and LeaseLost tells it that the run is no longer its own.
    """
    with transaction.atomic():
        if attempt is not None:
            _hold(run, attempt)
        said = sum(len(cut(event.message).encode()) for event in events if isinstance(event, Log))
        Run.objects.filter(pk=run.pk).update(last_seq=F("last_seq") + len(events), log_bytes=F("log_bytes") + said)
        last: int = Run.objects.values_list("last_seq", flat=True).get(pk=run.pk)
        first, common = last - len(events) + 1, {"request_id": context.request_id()}
        rows = [
            RunEvent(
                run=run, seq=seq, type=event.type, payload={**common, "stage": event.stage, **event.body()}, at=event.at
            )
            for seq, event in enumerate(events, first)
        ]
        RunEvent.objects.bulk_create(rows)
        wired = [wire(row, epoch=run.epoch) for row in rows]
        transaction.on_commit(lambda: stream.push(run=run.pk, epoch=run.epoch, first=first, events=wired))
    return last


def _hold(run: Run, attempt: int) -> None:
    """Lock the run's job while it is held by this attempt. Raises LeaseLost."""
    held = Job.objects.select_for_update().filter(pk=run.job_id, attempt=attempt, state=State.RUNNING)
    if held.first() is None:
        raise jobs.LeaseLost(run.job_id)


def stored(run: Run, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Events with a number above `after` from the database, in order, at most `limit`."""
    rows = RunEvent.objects.filter(run=run, seq__gt=after).order_by("seq")[:limit]
    return [wire(row, epoch=run.epoch) for row in rows]


def forget_log(run: Run, *, at: datetime) -> None:
    """Leave of every line of its log the number, the moment, the stage and the level. Call in a transaction."""
    lines = RunEvent.objects.filter(run=run, type=Log.type)
    for stage, level in set(lines.values_list("payload__stage", "payload__log__level")):
        lines.filter(payload__stage=stage, payload__log__level=level).update(payload=gone(stage, level))
    Run.objects.filter(pk=run.pk).update(log_bytes=0, log_gone_at=at)
    transaction.on_commit(lambda: stream.forget(run=run.pk))


def gone(stage: StageName, level: Level) -> dict[str, Any]:
    """What is left of a line; the database lets a line become this and nothing else."""
    return {"request_id": "", "stage": stage, "log": {"level": level, "message": "", "gone": True}}


def wire(row: RunEvent, *, epoch: str) -> dict[str, Any]:
    """The event as clients see it."""
    return {
        "v": VERSION,
        "run": row.run_id,
        "epoch": epoch,
        "seq": row.seq,
        "ts": row.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "type": row.type,
        **row.payload,
    }


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows no NaN and no infinity: they become null."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def cut(text: str) -> str:
    """The text within LONGEST_LINE bytes of UTF-8, an ellipsis at its end if it was longer."""
    data = text.encode("utf-8", "replace")
    if len(data) <= LONGEST_LINE:
        return data.decode()
    return data[: LONGEST_LINE - 3].decode("utf-8", "ignore") + "…"
