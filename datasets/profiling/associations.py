"""Which columns go together: rank correlation, bias-corrected Cramér's V and correlation ratio, on a sample of rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasets.profiling.document import Association, ColumnProfile, Method

SAMPLED_ROWS = 10_000
SEED = 20
MOST_COLUMNS = 30  # of numbers, and as many of categories
MOST_LEVELS = 50
LEAST_PAIRS = 20
WEAKEST = 0.1
KEPT = 200
_NUMBERS = frozenset({"number", "currency", "percent", "boolean"})
_CATEGORIES = frozenset({"category", "boolean"})

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def associations(table: Path, columns: Sequence[ColumnProfile], *, rows: int) -> tuple[Association, ...]:
    """The pairs of a typed table's columns that go together, the strongest first; at most 200 from 0.1 on.

    Columns of identifiers, free text, dates and personal data are left out, as are those beyond the first 30 of a kind.
    """
    shown = [c for c in columns if not c.hides_values and c.error is None]
    numbers = [c.name for c in shown if c.storage == "number" and c.kind in _NUMBERS][:MOST_COLUMNS]
    levels = [
        c.name for c in shown if c.storage == "text" and c.kind in _CATEGORIES and c.distinct.value <= MOST_LEVELS
    ][:MOST_COLUMNS]  # fmt: skip
    if len(numbers) + len(levels) < 2:
        return ()
    sample = sampled(table, [*numbers, *levels], rows)
    found = [one for one in _pairs(sample, numbers, levels) if abs(one.value) >= WEAKEST]
    return tuple(sorted(found, key=lambda one: (-abs(one.value), one.first, one.second))[:KEPT])


def spearman(left: Floats, right: Floats) -> float:
    """Rank correlation of two columns without gaps: Pearson's of their average ranks; 0 for a constant one."""
    a, b = (pl.Series(side).rank("average").to_numpy() for side in (left, right))
    a, b = a - a.mean(), b - b.mean()
    spread = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / spread if spread else 0.0


def cramers_v(left: Codes, right: Codes) -> float:
    """Cramér's V of two columns of codes from 0, corrected for the bias of many levels (Bergsma, 2013)."""
    n, r, k = len(left), int(left.max()) + 1, int(right.max()) + 1
    counts = np.bincount(left * k + right, minlength=r * k).reshape(r, k).astype(np.float64)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    phi = float((np.square(counts - expected) / np.where(expected > 0, expected, 1)).sum()) / n
    r, k = int((counts.sum(axis=1) > 0).sum()), int((counts.sum(axis=0) > 0).sum())
    phi = max(0.0, phi - (r - 1) * (k - 1) / (n - 1))
    narrow = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi / narrow)) if narrow > 0 else 0.0


def correlation_ratio(codes: Codes, values: Floats) -> float:
    """How much of a number's spread its category explains: the root of Kelley's (1935) epsilon squared."""
    sizes = np.bincount(codes)
    groups = int((sizes > 0).sum())
    total = float(np.square(values - values.mean()).sum())
    if not total or len(values) <= groups:
        return 0.0
    means = np.bincount(codes, weights=values) / np.where(sizes > 0, sizes, 1)
    within = float(np.square(values - means[codes]).sum())
    return math.sqrt(max(0.0, 1 - within / (len(values) - groups) * (len(values) - 1) / total))


def sampled(table: Path, names: list[str], rows: int) -> pl.DataFrame:
    """A seeded random part of the rows, of all the file and not of its head."""
    scan = pl.scan_parquet(table, glob=False).select(names)
    if rows > SAMPLED_ROWS:
        place = "\0place"
        step = pl.col(place).hash(SEED) % (rows // SAMPLED_ROWS + 1)
        scan = scan.with_row_index(place).filter(step == 0).select(names)
    return scan.collect()


def _pairs(sample: pl.DataFrame, numbers: list[str], levels: list[str]) -> Iterator[Association]:
    values = {name: sample[name].cast(pl.Float64).to_numpy() for name in numbers}
    codes = {name: _codes(sample[name]) for name in levels}
    for first, second in combinations(numbers, 2):
        there = np.isfinite(values[first]) & np.isfinite(values[second])
        if (n := int(there.sum())) >= LEAST_PAIRS:
            yield _found(first, second, "spearman", spearman(values[first][there], values[second][there]), n)
    for first, second in combinations(levels, 2):
        there = (codes[first] >= 0) & (codes[second] >= 0)
        if (n := int(there.sum())) >= LEAST_PAIRS:
            yield _found(first, second, "cramers_v", cramers_v(codes[first][there], codes[second][there]), n)
    for first, second in product(levels, numbers):
        there = (codes[first] >= 0) & np.isfinite(values[second])
        if (n := int(there.sum())) >= LEAST_PAIRS:
            ratio = correlation_ratio(codes[first][there], values[second][there])
            yield _found(first, second, "correlation_ratio", ratio, n)


def _found(first: str, second: str, method: Method, value: float, sample: int) -> Association:
    return Association(first, second, method, round(value, 4), sample)


def _codes(column: pl.Series) -> Codes:
    """Levels as numbers from 0; -1 where missing."""
    ranks = column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    return ranks - 1
