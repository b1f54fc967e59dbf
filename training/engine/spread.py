"""How the rows that a model learnt from lie in each column: the measure that later rows are held against.

Only counts by bin are kept, and the deciles between the bins of a number; a level of a category is named by its code.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.engine.report import Spread
from training.engine.schema import InputColumn, is_missing

BINS = 10
MOST_COUNTED = 20_000  # values of a column, evenly spaced, that its bins are counted from
UNSEEN, MISSING = "unseen", "missing"

Vector = NDArray[np.float64]


def spread(column: InputColumn, values: Sequence[object]) -> Spread:
    """Bins of a column: deciles of these values for a number, its levels for a category, and the missing ones."""
    counted = evenly(values)
    edges = _edges(counted) if column.kind == "number" else ()
    return Spread(column.name, edges, placed(column, edges, counted), len(counted))


def placed(column: InputColumn, edges: Sequence[float], values: Sequence[object]) -> dict[str, int]:
    """How many of the values fall into each bin; empty bins are left out."""
    if column.kind == "number":
        found = Counter(map(str, np.searchsorted(np.array(edges), _numbers(values), side="right")))
    else:
        codes = {level: str(code) for code, level in enumerate(column.categories)}
        found = Counter(codes.get(str(value).strip(), UNSEEN) for value in values if not is_missing(value))
    found[MISSING] = len(values) - found.total()
    return {name: rows for name, rows in sorted(found.items()) if rows}


def evenly(values: Sequence[object]) -> Sequence[object]:
    """At most MOST_COUNTED of them, evenly spaced."""
    return values[:: max(1, -(-len(values) // MOST_COUNTED))]


def _edges(values: Sequence[object]) -> tuple[float, ...]:
    """The inner deciles; values that come often make fewer."""
    numbers = _numbers(values)
    if not len(numbers):
        return ()
    return tuple(np.unique(np.quantile(numbers, np.arange(1, BINS) / BINS)).tolist())


def _numbers(values: Sequence[object]) -> Vector:
    return np.array([number for value in values if (number := _number(value)) is not None], dtype=np.float64)


def _number(value: object) -> float | None:
    if is_missing(value):
        return None
    try:
        parsed = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) else None
