"""What `make shots` measured in the product, and the lines that drawings make of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "measured.json").read_text())
MOVED = 5  # contributions drawn of an answer
MIB = 2**20
STAGES = (
    _("Wait"),
    _("Load"),
    _("Check"),
    _("Split"),
    _("Train"),
    _("Evaluate"),
    _("Explain"),
    _("Package"),
    _("Done"),
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a drawing, and the values at its upper and lower edge."""

    x: float
    y: float
    width: float
    height: float
    top: float
    bottom: float

    def down(self, value: float) -> float:
        """Where a value lies."""
        return round(self.y + self.height * (self.top - value) / (self.top - self.bottom), 1)


@dataclass(frozen=True, slots=True)
class Curves:
    """Training and validation loss of the run as points of an SVG polyline, with the rounds that sentences name."""

    train: str
    valid: str
    best: tuple[float, float]
    settled: tuple[float, float]
    onset: tuple[float, float]
    lines: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One contribution to an answer: its column and value, and the bar from the zero line."""

    column: str
    value: str
    amount: str
    x: float
    width: float
    up: bool
    y: float
    top: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One row's answer, and what moved it most."""

    percent: str
    tenure: str
    contract: str
    bars: tuple[Bar, ...]
    rest: str


def curves(box: Box, rounds: Sequence[int] = (21, 42, 64)) -> Curves:
    """The loss curves inside a box; `rounds` are those of its sentences: settled, best, onset."""
    steps: list[int] = FACTS["run"]["steps"]
    series: dict[str, list[float]] = FACTS["run"]["curves"]
    valid = series["valid-logloss"]

    def across(step: int) -> float:
        return round(box.x + box.width * (step - steps[0]) / (steps[-1] - steps[0]), 1)

    def line(values: Sequence[float]) -> str:
        return " ".join(f"{across(step)} {box.down(value)}" for step, value in zip(steps, values, strict=True))

    def point(step: int) -> tuple[float, float]:
        return across(step), box.down(valid[step - steps[0]])

    marks = (0.5, 0.4, 0.3)
    settled, best, onset = (point(step) for step in rounds)
    return Curves(
        line(series["train-logloss"]), line(valid), best, settled, onset, tuple((box.down(m), f"{m}") for m in marks)
    )


def answers(zero: float = 336, unit: float = 92, first: float = 132, step: float = 38) -> tuple[Answer, ...]:
    """The two rows that were asked: `unit` is the length of 1.0 in margin."""
    return tuple(_answer(each, zero, unit, first, step) for each in FACTS["answers"])


def _answer(said: dict[str, Any], zero: float, unit: float, first: float, step: float) -> Answer:
    bars = tuple(
        Bar(
            column,
            value,
            f"{amount:+.2f}".replace("-", "−"),
            round(min(zero, zero + amount * unit), 1),
            round(abs(amount) * unit, 1),
            amount > 0,
            first + at * step,
            first + at * step - 9,
        )
        for at, (column, value, amount) in enumerate(said["moved"][:MOVED])
    )
    rest = sum(amount for *_column, amount in said["moved"][MOVED:])
    row = said["row"]
    percent = f"{said['probability']:.1%}"
    return Answer(percent, row["tenure"], row["Contract"], bars, f"{rest:+.2f}".replace("-", "−"))


def figures() -> dict[str, Any]:
    """Everything that the drawings show, for templates."""
    upload = FACTS["upload"]
    return {
        "facts": FACTS,
        "hero": curves(Box(40, 120, 480, 190, 0.56, 0.3)),
        "watch": curves(Box(60, 150, 800, 210, 0.56, 0.3)),
        "insight": curves(Box(44, 36, 400, 132, 0.56, 0.3)),
        "stages": [(56 + 101 * at, name) for at, name in enumerate(STAGES)],
        "answers": answers(),
        "upload_mib": upload["bytes"] // MIB,
        "part_mib": upload["part_bytes"] // MIB,
    }
