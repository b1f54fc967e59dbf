"""What a table of answers says: figures against labels, versions against one another, rows against training rows.

A plain library: no Django, no rows of the database. Metrics are those of training.engine.metrics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.profiling import stability
from training.engine import metrics
from training.engine.metrics import MAIN, decide
from training.engine.report import Spread
from training.engine.schema import InputColumn, ModelSchema, is_missing
from training.engine.spread import evenly, placed

RESAMPLES = 200
MOST_JUDGED = 20_000  # rows, evenly spaced, that intervals are computed from

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A metric on the labelled rows; `low` and `high` bound its 95 % bootstrap interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """The main metric of two versions on the same rows.

    `low` and `high` bound the paired 95 % bootstrap interval of `after - before`.
    """

    metric: str
    before: float
    after: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Drift:
    """How far a column's values lie from those of the training rows, as population stability index.

    `limit` is what it must exceed to count as moved: NOTICE, or more where so few rows vary more by chance alone.
    """

    column: str
    index: float
    limit: float

    @property
    def has_moved(self) -> bool:
        return self.index > self.limit


@dataclass(frozen=True)
class Judged:
    """The labelled rows that a version answered, at most MOST_JUDGED: codes or values, and what it predicted."""

    schema: ModelSchema
    labels: Vector
    predicted: Vector

    def measure(self, weights: Vector) -> dict[str, float]:
        chosen = decide(self.schema, self.predicted.astype(np.float32))
        return metrics.measure(self.schema.task, self.labels, self.predicted, chosen, weights)


def labelled(
    schema: ModelSchema, labels: Sequence[object], predicted: NDArray[np.float64], answered: NDArray[np.bool_]
) -> tuple[Judged | None, NDArray[np.int64]]:
    """The rows with a label that the version knows and an answer, with their places; None when there are none."""
    codes = np.array([_code(schema, label) for label in labels], dtype=np.float64)
    places = np.flatnonzero(answered & np.isfinite(codes))
    places = places[:: max(1, -(-len(places) // MOST_JUDGED))]
    if not len(places):
        return None, places
    return Judged(schema, codes[places], predicted[places]), places


def figures(judged: Judged, *, seed: int = 7) -> dict[str, Figure]:
    """Every metric of the task that is defined on these rows."""
    whole = judged.measure(np.ones(len(judged.labels)))
    spread = [judged.measure(draw) for draw in _draws(len(judged.labels), seed)]
    return {
        name: Figure(value, *_interval([draw[name] for draw in spread]))
        for name, value in whole.items()
        if math.isfinite(value)
    }


def difference(before: Judged, after: Judged, *, seed: int = 7) -> Difference | None:
    """Both on the same rows, resampled together; None when the main metric is not defined there."""
    name, rows = MAIN[after.schema.task], len(after.labels)
    old, new = (each.measure(np.ones(rows)).get(name, math.nan) for each in (before, after))
    changes = [after.measure(draw)[name] - before.measure(draw)[name] for draw in _draws(rows, seed)]
    low, high = _interval(changes)
    if low is None or high is None or not (math.isfinite(old) and math.isfinite(new)):
        return None
    return Difference(name, old, new, low, high, rows)


def drift(column: InputColumn, learnt: Spread, now: Sequence[object]) -> Drift:
    """Population stability index over the bins of the rows that were learnt from, the missing values among them."""
    found = stability.of_counts(learnt.counts, placed(column, learnt.edges, evenly(now)))
    return Drift(column.name, found.index, found.limit)


def _code(schema: ModelSchema, label: object) -> float:
    """The class code or the number of a label; NaN for none."""
    if is_missing(label):
        return math.nan
    if schema.task == "regression":
        try:
            return float(label)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return math.nan
    text = str(label).strip()
    return float(schema.classes.index(text)) if text in schema.classes else math.nan


def _draws(rows: int, seed: int) -> list[Vector]:
    generator = np.random.default_rng(seed)
    return [np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64) for _ in range(RESAMPLES)]


def _interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None, None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)
