"""Curves of several trainings over one another: one drawing for each metric, with common scales and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.engine.metrics import lower_is_better
from training.engine.report import Curves

WIDTH, HEIGHT = 640.0, 240.0
TABLE_ROWS = 20
POINTS = 200  # of one drawn curve, which is what the eye can tell apart at this width

Series = dict[int, float | None]


@dataclass(frozen=True)
class Trace:
    """What one training followed. `detail` tells apart those of one name."""

    name: str
    detail: str
    curves: Curves


@dataclass(frozen=True)
class Line:
    """One training's curve in SVG units; `look` is the number of its colour and dashes, counted from 1."""

    name: str
    detail: str
    look: int
    points: str
    best: float
    best_round: int


@dataclass(frozen=True)
class Overlay:
    """The validation curves of one metric. `rows` are (round, value of each training) for the table."""

    metric: str
    names: tuple[str, ...]
    lines: tuple[Line, ...]
    rows: tuple[tuple[int, tuple[float | None, ...]], ...]
    last: int
    low: float
    high: float


def lay(traces: Sequence[Trace], *, first: Sequence[str]) -> tuple[Overlay, ...]:
    """One overlay for each metric that any training followed on its validation rows, those named `first` leading."""
    there = [name.removeprefix("valid-") for each in traces for name in each.curves.values if name.startswith("valid-")]
    return tuple(_overlay(metric, traces) for metric in dict.fromkeys([*first, *there]) if metric in there)


def series(curves: Curves, metric: str) -> Series:
    """Round to value of one metric on the validation rows."""
    return dict(zip(curves.steps, curves.values.get(f"valid-{metric}", ()), strict=False))


def _overlay(metric: str, traces: Sequence[Trace]) -> Overlay:
    found = [series(each.curves, metric) for each in traces]
    values = [value for each in found for value in each.values() if value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    last = max((step for each in found for step in each), default=1)
    lines = tuple(
        line
        for look, (trace, each) in enumerate(zip(traces, found, strict=True), start=1)
        if (line := _line(trace, look, each, metric=metric, last=last, low=low, high=high))
    )
    rows = tuple((step, tuple(each.get(step) for each in found)) for step in _even(found))
    return Overlay(metric, tuple(trace.name for trace in traces), lines, rows, last, low, high)


def _line(trace: Trace, look: int, values: Series, *, metric: str, last: int, low: float, high: float) -> Line | None:
    known = [(step, value) for step, value in values.items() if value is not None]
    if not known:
        return None

    def place(step: int, value: float) -> str:
        x, y = WIDTH * (step - 1) / max(1, last - 1), HEIGHT * (high - value) / ((high - low) or 1.0)
        return f"{x:.1f},{y:.1f}"

    pick = min if lower_is_better(metric) else max
    best_round, best = pick(known, key=lambda point: point[1])
    every = -(-len(known) // POINTS)
    drawn = [*known[:-1:every], known[-1]]
    return Line(trace.name, trace.detail, look, " ".join(place(*point) for point in drawn), best, best_round)


def _even(found: Sequence[Series]) -> list[int]:
    """About TABLE_ROWS rounds of all that any training has, the last of each among them."""
    steps = sorted({step for each in found for step in each})
    every = max(1, len(steps) // TABLE_ROWS)
    return sorted({*steps[::every], *(max(each) for each in found if each)})
