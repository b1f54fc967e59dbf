"""Where the columns of one table lie in another: the stability of their values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasets.profiling.associations import sampled
from datasets.profiling.stability import Stability, of_counts

BINS = 10
MOST_LEVELS = 50
MISSING, OTHER = "\0missing", "\0other"


def stabilities(
    before: Path, after: Path, names: Sequence[str], *, rows_before: int, rows_after: int
) -> dict[str, Stability]:
    """For columns of one storage in both typed tables, over a sample of their rows."""
    old, new = sampled(before, list(names), rows_before), sampled(after, list(names), rows_after)
    return {name: _stability(old[name], new[name]) for name in names}


def _stability(before: pl.Series, after: pl.Series) -> Stability:
    """The index of a column of one storage: over the deciles or the 50 most frequent levels before, and the missing."""
    if before.dtype == pl.String:
        counts = before.drop_nulls().alias("level").value_counts(name="rows")
        levels = set(counts.sort(["rows", "level"], descending=[True, False])["level"].head(MOST_LEVELS))
        return of_counts(_leveled(before, levels), _leveled(after, levels))
    old, new = (_numbers(values) for values in (before, after))
    known = old[np.isfinite(old)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if known.size else np.array([])
    return of_counts(_binned(old, edges), _binned(new, edges))


def _leveled(values: pl.Series, levels: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for level, rows in values.value_counts().iter_rows():
        name = MISSING if level is None else level if level in levels else OTHER
        found[name] = found.get(name, 0) + rows
    return found


def _binned(values: NDArray[np.float64], edges: NDArray[np.float64]) -> dict[str, int]:
    known = values[np.isfinite(values)]
    places = np.bincount(np.searchsorted(edges, known, side="right"))
    found = {str(place): int(rows) for place, rows in enumerate(places) if rows}
    return {**found, MISSING: len(values) - len(known)} if len(known) < len(values) else found


def _numbers(values: pl.Series) -> NDArray[np.float64]:
    plain = values.cast(pl.Int64) if values.dtype.is_temporal() else values
    return plain.cast(pl.Float64).to_numpy()
