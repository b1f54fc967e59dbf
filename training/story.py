"""A run as its events tell it: where it is, how long each stage took, its curves and what they say so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from string import Formatter
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Q
from django.utils.translation import gettext as _

from fynix import blobs
from fynix.errors import DomainError
from training import events, narrative
from training.engine.recipes import METRICS
from training.engine.report import Curves
from training.models import Run, RunEvent
from training.narrative import Claim

if TYPE_CHECKING:
    import polars as pl

TIMELINE = ("queued", "load", "check", "split", "train", "evaluate", "explain", "package", "done")
"""The stages that every run goes through."""
ENDS = {"packaged": "done", "packaging_failed": "failed", "failed": "failed", "cancelled": "stopped"}
"""How the last stage of a run stands once the run has come to this state."""
CURVE_POINTS = 2000
LOG_LINES = 500


class LogGone(DomainError):
    """The words of the log went by the project's rule."""

    code = "log_gone"
    status = 410


@dataclass(frozen=True)
class StageTime:
    """One line of the timeline; `seconds` is what it took, or has taken so far."""

    name: str
    state: str
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "seconds": self.seconds}


@dataclass
class Story:
    """What the events up to `seq` add up to."""

    seq: int = 0
    progress: float = 0.0
    seconds_left: float | None = None
    stage: str = "queued"
    starts: dict[str, datetime] = field(default_factory=dict)
    ended_at: datetime | None = None
    end: str = "done"
    candidate: str = ""
    points: dict[str, dict[int, dict[str, float | None]]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    line_count: int = 0
    error: dict[str, str] | None = None

    def add(self, row: RunEvent) -> None:
        self.seq = row.seq
        HEARD.get(row.type, Story.on_other)(self, row)

    def curves(self) -> Curves:
        """The curves of the parameter set that was tried last, at no more than CURVE_POINTS rounds."""
        points = self.points.get(self.candidate, {})
        steps = sorted(points)
        every = max(1, -(-len(steps) // CURVE_POINTS))
        kept = tuple(step for place, step in enumerate(steps) if place % every == 0 or place == len(steps) - 1)
        names = points[steps[0]] if steps else {}
        return Curves(kept, {name: tuple(points[step].get(name) for step in kept) for name in names})

    def timeline(self, *, now: datetime) -> list[StageTime]:
        return list(self._times(self.ended_at or now))

    def _times(self, end: datetime) -> Iterator[StageTime]:
        begun = [name for name in TIMELINE if name in self.starts]
        for name in TIMELINE:
            if name not in self.starts:
                yield StageTime(name, "waiting", None)
                continue
            later = begun[begun.index(name) + 1 :]
            last = not later
            until = end if last else self.starts[later[0]]
            state = "done" if not last else self.end if self.ended_at else "active"
            seconds = None if name == "done" else max(0.0, (until - self.starts[name]).total_seconds())
            yield StageTime(name, state, seconds)

    # One method for each type of event; HEARD names them.

    def on_progress(self, row: RunEvent) -> None:
        self.stage, self.progress = row.payload["stage"], row.payload["progress"]
        self.seconds_left = row.payload.get("seconds_left")
        self.starts.setdefault(self.stage, row.at)

    def on_metric(self, row: RunEvent) -> None:
        for point in row.payload["points"]:
            self.candidate = point["candidate"]
            self.points.setdefault(self.candidate, {})[point["step"]] = point["metrics"]

    def on_log(self, row: RunEvent) -> None:
        self.lines.append({"seq": row.seq, "at": row.at, "stage": row.payload["stage"], **row.payload["log"]})

    def on_error(self, row: RunEvent) -> None:
        self.error = row.payload["error"]

    def on_status(self, row: RunEvent) -> None:
        state = row.payload["status"]["state"]
        if state == "queued":
            self.starts["queued"] = row.at
        elif state == "running":  # a later attempt goes through the stages again
            self.starts = {"queued": self.starts.get("queued", row.at)}
        elif state in ENDS:  # a run that succeeded goes on to be packaged
            self.ended_at, self.end, self.seconds_left = row.at, ENDS[state], None

    def on_other(self, row: RunEvent) -> None:
        """Files and explanations are told by their own pages."""


HEARD = {
    "progress": Story.on_progress,
    "metric": Story.on_metric,
    "log": Story.on_log,
    "error": Story.on_error,
    "status": Story.on_status,
}


def read(run: Run) -> Story:
    """The run's events, added up. Of the log only the newest LOG_LINES lines are read, and all are counted."""
    rows = RunEvent.objects.filter(run=run)
    head = rows.aggregate(head=Max("seq"))["head"] or 0
    rows = rows.filter(seq__lte=head)  # what comes meanwhile is told by the feed, from here on
    log = rows.filter(_said(run))
    story = Story()
    for row in rows.exclude(type="log").order_by("seq").iterator(chunk_size=500):
        story.add(row)
    for row in reversed(log.order_by("-seq")[:LOG_LINES]):
        story.add(row)
    story.seq, story.line_count = head, log.count()
    return story


def log_text(run: Run) -> str:
    """Every log line in order: moment (UTC), level, stage and message, one line each. Raises LogGone."""
    rows = RunEvent.objects.filter(_said(run), run=run).order_by("seq").iterator(chunk_size=1000)
    text = "".join(_line(row) for row in rows)
    if not text and run.log_gone_at:
        raise LogGone(
            _("The log went on {day}: this project keeps logs for a time. Stages, curves and results stay.").format(
                day=f"{run.log_gone_at:%Y-%m-%d}"
            )
        )
    return text


def _said(run: Run) -> Q:
    """Which events are lines of the log whose words are there."""
    return Q(type="log", at__gt=run.log_gone_at) if run.log_gone_at else Q(type="log")


def _line(row: RunEvent) -> str:
    moment = row.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = " ".join(row.payload["log"]["message"].split())
    return f"{moment} {row.payload['log']['level']:<7} {row.payload['stage']:<8} {message}\n"


def claims(run: Run, story: Story) -> list[Claim]:
    """What the finished run's report says, or what the curves say so far."""
    outcome = getattr(run, "outcome", None)
    if outcome is not None:
        return list(narrative.Narrative.from_json(outcome.narrative).claims)
    curves = story.curves()
    return list(narrative.narrate_curves(curves, METRICS[run.task][0]).claims) if curves.steps else []  # type: ignore[index]


def rephrased_by(run: Run) -> str:
    """The language model whose wording the insights have; empty when they are our own."""
    outcome = getattr(run, "outcome", None)
    asked = narrative.Narrative.from_json(outcome.narrative).rephrasing if outcome else None
    return asked.model if asked and not asked.refusal else ""


def parts(claim: Claim) -> list[dict[str, Any]]:
    """A claim's sentence in pieces: text, and numbers that point at a place on a chart."""
    pieces: list[dict[str, Any]] = []
    for text, name, _spec, _conversion in Formatter().parse(claim.sentence):
        if text:
            pieces.append({"text": text})
        if name:
            slot = claim.slots[name]
            pieces.append({"text": slot.text(), "metric": slot.metric, "step": slot.step})
    return pieces


def told(found: Iterable[Claim]) -> list[dict[str, Any]]:
    """Claims as pages and API clients read them."""
    return [
        {
            "code": claim.code,
            "severity": claim.severity,
            "text": claim.text(),
            "parts": parts(claim),
            "can_try": claim.change is not None,
        }
        for claim in found
    ]


def snapshot(run: Run, *, now: datetime) -> dict[str, Any]:
    """Everything a client needs to go on from event `seq`."""
    story = read(run)
    curves = story.curves()
    return {
        "run": run.pk,
        "epoch": run.epoch,
        "seq": story.seq,
        "state": events.WORDS[run.job.state],
        "stage": story.stage,
        "progress": story.progress,
        "seconds_left": story.seconds_left,
        "stages": [line.to_json() for line in story.timeline(now=now)],
        "curves": {"candidate": story.candidate, "steps": list(curves.steps), "values": dict(curves.values)},
        "claims": told(claims(run, story)),
        "error": story.error,
    }


def held_out(run: Run) -> pl.DataFrame:
    """The test rows of a finished run: raw columns and the target. Raises blobs.Corrupt."""
    import polars as pl  # noqa: PLC0415  it takes 60 MB, and no other page of a run needs it

    return pl.read_parquet(BytesIO(blobs.read(run.outcome.holdout_sha256)))
