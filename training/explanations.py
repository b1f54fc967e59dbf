"""Geometry of the drawings that explain a model: every row's SHAP values, and how they follow a column's cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext

from training.engine.report import Dependence, Explanation, Step, Swarm

WIDTH = 640.0
ROW = 40.0  # height of one column of the swarm
STEP = 24.0  # height of one step of a dependence
SLOTS = 160  # places of dots side by side over the whole width
LOOKS = 5  # colours from low to high cells
DEPENDENCE = 4  # columns whose dependence is drawn


@dataclass(frozen=True)
class SwarmRow:
    """One column's dots: a path for each colour, from low cells (0) to high (4), `none` for the others.

    `low`, `middle` and `high` are the 10 %, 50 % and 90 % quantile of its values, `up` the share above 0.
    """

    column: str
    y: float
    paths: tuple[tuple[str, str], ...]
    low: float
    middle: float
    high: float
    up: float


@dataclass(frozen=True)
class SwarmPlot:
    """`reach` is the SHAP value at the right edge; the left edge is its opposite."""

    rows: tuple[SwarmRow, ...]
    width: float
    height: float
    reach: float


@dataclass(frozen=True)
class Mark:
    """One step's mean and the range of most of its rows, in SVG units across."""

    label: str
    y: float
    left: float
    right: float
    at: float
    step: Step


@dataclass(frozen=True)
class DependencePlot:
    column: str
    marks: tuple[Mark, ...]
    width: float
    height: float
    reach: float


def swarm(found: Sequence[Swarm]) -> SwarmPlot:
    """A band for each column, dots stacked where many rows have nearly equal values."""
    reach = max((abs(value) for each in found for value in each.values), default=0.0) or 1.0
    rows = tuple(_row(each, ROW * (place + 0.5), reach) for place, each in enumerate(found))
    return SwarmPlot(rows, WIDTH, ROW * len(rows), reach)


def _row(found: Swarm, middle: float, reach: float) -> SwarmRow:
    dots: dict[str, list[str]] = defaultdict(list)
    stacked: dict[int, int] = defaultdict(int)
    slots = [round((value / reach + 1) / 2 * SLOTS) for value in found.values]
    most = max((slots.count(slot) for slot in set(slots)), default=1)
    gap = min(4.0, (ROW - 8) / max(1, most))
    for slot, rank in zip(slots, found.ranks, strict=True):
        height = stacked[slot]
        stacked[slot] += 1
        off = gap * ((height + 1) // 2) * (1 if height % 2 else -1)
        look = "none" if rank is None else str(min(LOOKS - 1, int(rank * LOOKS)))
        dots[look].append(f"M{slot * WIDTH / SLOTS:.0f} {middle + off:.1f}h0")
    low, half, high = (float(value) for value in np.quantile(found.values, (0.1, 0.5, 0.9)))
    paths = tuple((look, "".join(dots[look])) for look in sorted(dots))
    return SwarmRow(found.column, middle, paths, low, half, high, float(np.mean(np.array(found.values) > 0)))


def dependence(explained: Explanation) -> tuple[DependencePlot, ...]:
    """The strongest columns' drawings, all to the same scale."""
    found = explained.dependence[:DEPENDENCE]
    reach = max((abs(edge) for each in found for step in each.steps for edge in (step.low, step.high)), default=0.0)
    return tuple(_plot(each, reach or 1.0) for each in found)


def _plot(found: Dependence, reach: float) -> DependencePlot:
    marks = tuple(_marks(found.steps, reach))
    return DependencePlot(found.column, marks, WIDTH, STEP * len(marks), reach)


def _marks(steps: Iterable[Step], reach: float) -> Iterable[Mark]:
    for place, step in enumerate(steps):
        left, right, at = (WIDTH * (value / reach + 1) / 2 for value in (step.low, step.high, step.mean))
        yield Mark(step.label or gettext("missing"), STEP * (place + 0.5), left, right, at, step)
