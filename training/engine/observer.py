"""The two partners a training talks to: one that watches, one that keeps checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from training.engine.recipes import Candidate

Stage = Literal["load", "check", "split", "train", "evaluate", "explain"]
Level = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class RoundPoint:
    """Metrics after one boosting round. `step` counts rounds from 1 within a candidate.

    `metrics` are keyed by data set and metric: "train-logloss", "valid-logloss", "valid-auc". `candidate`
    names the parameter set in training; recipes with several run them one after the other.
    """

    step: int
    metrics: dict[str, float]
    candidate: str = ""


class Observer(Protocol):
    """Watches a training. Every method is called often and must return quickly."""

    def stage(self, stage: Stage, progress: float) -> None:
        """`progress` runs from 0 to 1 within the stage."""

    def plan(self, candidates: Sequence[Candidate]) -> None:
        """What will be trained, in this order; told once before the first round. See crossed.plan for the last."""

    def rounds(self, points: Sequence[RoundPoint]) -> None:
        """New points. After a resume the rounds since the checkpoint come again with equal values."""

    def log(self, level: Level, message: str) -> None:
        """A sentence for people. It never holds a cell value."""

    def cancelled(self) -> bool:
        """Whether to stop now."""
        ...


class Checkpoints(Protocol):
    """Keeps one opaque blob durably; the latest wins."""

    def save(self, data: bytes) -> None: ...

    def load(self) -> bytes | None: ...
