"""Whether a column lies elsewhere than before: the population stability index, and what it exceeds by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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


def _chi_square_95(degrees: int) -> float:
    """The 95 % quantile, as Wilson and Hilferty (1931) approximate it."""
    part = 2 / (9 * degrees)
    return degrees * (1 - part + Z_95 * math.sqrt(part)) ** 3
