"""Whether a column lies elsewhere than before: the population stability index, and what it exceeds by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

BINS = 10
MOST_LEVELS = 50
MISSING, OTHER = "\0missing", "\0other"
NOTICE = 0.1  # from which a column counts as moved (Siddiqi, Credit Risk Scorecards, 2006)
Z_95 = 1.645


@dataclass(frozen=True)
class Stability:
    """The index over `rows` rows before and `now` rows after.

    `limit` is what it must exceed to count as moved: NOTICE, or more where so few rows vary more by chance alone.
    """

    index: float
    limit: float
    rows: int
    now: int

    @property
    def has_moved(self) -> bool:
        return self.index > self.limit


def of_counts(before: Mapping[str, int], after: Mapping[str, int]) -> Stability:
    """Population stability index of rows by bin.

    Laplace-smoothed by half a row, so that an empty bin is no infinity. By chance alone the index is about
    chi-square distributed with one degree less than there are bins, over n m / (n + m) rows.
    """
    names = sorted(before.keys() | after.keys())
    n, m = max(sum(before.values()), 1), max(sum(after.values()), 1)
    p = np.array([(before.get(name, 0) + 0.5) / (n + 0.5 * len(names)) for name in names])
    q = np.array([(after.get(name, 0) + 0.5) / (m + 0.5 * len(names)) for name in names])
    chance = _chi_square_95(max(len(names) - 1, 1)) * (1 / n + 1 / m)
    return Stability(float(((q - p) * np.log(q / p)).sum()), max(NOTICE, chance), n, m)


def of_values(before: pl.Series, after: pl.Series) -> Stability:
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


def _chi_square_95(degrees: int) -> float:
    """The 95 % quantile, as Wilson and Hilferty (1931) approximate it."""
    part = 2 / (9 * degrees)
    return degrees * (1 - part + Z_95 * math.sqrt(part)) ** 3
