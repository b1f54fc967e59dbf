"""Bars that survive outliers: nice edges over the middle of the data, counted bars for what lies beyond."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.profiling.document import Histogram

Numbers = NDArray[np.float64]

EACH_VALUE = 20
FEWEST, MOST = 10, 30
TAIL = 0.005
WHOLE = 1.5
LOG_RATIO = 50.0

_UNITS = {"m": "minute", "h": "hour", "D": "day", "M": "month", "Y": "year"}
_STEPS = (
    *(("m", 1), ("m", 5), ("m", 15), ("h", 1), ("h", 6), ("D", 1), ("D", 7)),
    *(("M", 1), ("M", 3), ("Y", 1), ("Y", 5), ("Y", 10), ("Y", 50), ("Y", 100), ("Y", 1000)),
)


def quantile(ordered: NDArray[Any], share: float) -> float:
    """The linear-interpolation quantile (type 7 of Hyndman and Fan, 1996) of sorted numbers."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def of_numbers(ordered: Numbers, *, whole: bool, distinct: int) -> Histogram:
    """Bars of sorted finite numbers: one per value for few whole numbers, else about 10 to 30 bins."""
    if whole and distinct <= EACH_VALUE:
        values, counts = np.unique(ordered, return_counts=True)
        return Histogram("values", tuple(int(v) for v in values), tuple(map(int, counts)))
    low, high = _middle(ordered)
    if not math.isfinite(high - low) or high == low:
        return Histogram("linear", (float(ordered[0]), float(ordered[-1])), (len(ordered),))
    if ordered[0] > 0 and quantile(ordered, 0.99) > LOG_RATIO * quantile(ordered, 0.5):
        return _bars(ordered, _log_edges(low, high), "log")
    return _bars(ordered, _nice_edges(low, high, _bins(ordered, high - low), whole=whole), "linear")


def of_lengths(ordered: Numbers) -> Histogram:
    """Bars of the sorted lengths of texts, in characters."""
    bars = of_numbers(ordered, whole=True, distinct=EACH_VALUE + 1)
    return Histogram("length", bars.edges, bars.counts, bars.below, bars.above)


def of_moments(micros: NDArray[np.int64]) -> Histogram:
    """Bars of sorted moments (microseconds since 1970) in the finest calendar unit that needs at most 30 bars."""
    low, high = (np.datetime64(int(m), "us") for m in _middle(micros.astype(np.float64)))
    for unit, step in _STEPS:
        first = int(low.astype(f"datetime64[{unit}]").astype(np.int64)) // step * step
        last = int(high.astype(f"datetime64[{unit}]").astype(np.int64))
        if (last - first) // step < MOST:
            break
    marks = np.arange(first, last + step + 1, step).astype(f"datetime64[{unit}]")
    cuts = marks.astype("datetime64[us]").astype(np.int64)
    places = np.searchsorted(micros, cuts, side="left")
    return Histogram(
        "calendar",
        tuple(str(edge) for edge in np.datetime_as_string(marks)),
        tuple(int(c) for c in np.diff(places)),
        below=int(places[0]),
        above=int(len(micros) - places[-1]),
        unit=_UNITS[unit] if step == 1 else f"{step} {_UNITS[unit]}s",
    )


def _middle(ordered: NDArray[Any]) -> tuple[float, float]:
    """The range to draw: all of it when the tails are short, else from the 0.5th to the 99.5th percentile."""
    low, high = quantile(ordered, TAIL), quantile(ordered, 1 - TAIL)
    first, last = float(ordered[0]), float(ordered[-1])
    return (low, high) if high > low and last - first > WHOLE * (high - low) else (first, last)


def _bins(ordered: Numbers, span: float) -> int:
    """Freedman and Diaconis (1981), between 10 and 30."""
    width = 2 * (quantile(ordered, 0.75) - quantile(ordered, 0.25)) / len(ordered) ** (1 / 3)
    return max(FEWEST, min(MOST, math.ceil(span / width))) if width > span / MOST else MOST


def _nice_edges(low: float, high: float, bins: int, *, whole: bool) -> Numbers:
    """Edges at multiples of 1, 2, 2.5 or 5 times a power of ten that cover the range."""
    rough = (high - low) / bins
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: (s < rough * 0.99, s))
    step = max(1.0, math.ceil(step)) if whole else step
    first = math.floor(low / step)
    edges = np.arange(first, math.floor(high / step) + 2) * step
    digits = 12 - math.floor(math.log10(max(abs(low), abs(high), step)))
    return np.unique(np.round(edges, max(-300, min(300, digits))))


def _log_edges(low: float, high: float) -> Numbers:
    """Edges at equal ratios, rounded to two digits."""
    edges = np.geomspace(low, high, 21)
    digits = 10.0 ** (np.floor(np.log10(edges)) - 1)
    return np.unique(np.round(edges / digits) * digits)


def _bars(ordered: Numbers, edges: Numbers, scale: Any) -> Histogram:
    """Counts between edges; every bar holds its left edge, values beyond the ends are counted apart."""
    places = np.searchsorted(ordered, edges, side="left")
    return Histogram(
        scale,
        tuple(float(e) for e in edges),
        tuple(int(c) for c in np.diff(places)),
        below=int(places[0]),
        above=int(len(ordered) - places[-1]),
    )
