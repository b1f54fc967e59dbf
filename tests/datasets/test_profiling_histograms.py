"""Bars stay readable whatever the outliers, and always add up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.profiling.document import Histogram
from datasets.profiling.histograms import of_lengths, of_moments, of_numbers, quantile


def drawn(values: object) -> Histogram:
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    whole = bool((ordered == np.floor(ordered)).all())
    return of_numbers(ordered, whole=whole, distinct=len(np.unique(ordered)))


def total(bars: Histogram) -> int:
    return bars.below + sum(bars.counts) + bars.above


def test_two_outliers_do_not_flatten_the_rest() -> None:
    values = np.append(np.random.default_rng(7).normal(size=100_000), [1e9, -1e9])
    bars = drawn(values)
    assert max(bars.counts) < 0.2 * len(values)
    assert bars.below >= 1
    assert bars.above >= 1
    assert total(bars) == len(values)


def test_few_whole_numbers_get_one_bar_each() -> None:
    bars = drawn([1, 1, 2, 5, 5, 5])
    assert (bars.scale, bars.edges, bars.counts) == ("values", (1, 2, 5), (2, 1, 3))


def test_edges_are_round_numbers() -> None:
    bars = drawn(np.random.default_rng(7).uniform(0, 100, 5000))
    assert all(math.isclose(edge, round(edge)) for edge in bars.edges)
    assert 10 <= len(bars.counts) <= 31


def test_a_long_tail_gets_log_bars_and_says_so() -> None:
    bars = drawn(np.random.default_rng(7).lognormal(3, 2, 20_000))
    assert bars.scale == "log"
    assert max(bars.counts) < 0.3 * 20_000
    assert total(bars) == 20_000


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_bars_add_up_for_any_numbers(values: list[float]) -> None:
    with np.errstate(all="ignore"):
        bars = drawn(values)
    assert total(bars) == len(values)
    assert list(bars.edges) == sorted(bars.edges)
    assert len(bars.counts) <= 64


@pytest.mark.parametrize(
    ("start", "end", "unit"),
    [
        ("2024-03-01T10:00", "2024-03-01T10:20", "minute"),
        ("2024-03-01", "2024-03-02", "hour"),
        ("2024-03-01", "2024-03-20", "day"),
        ("2023-01-01", "2024-12-31", "month"),
        ("2000-01-01", "2020-12-31", "year"),
        ("1800-01-01", "2020-12-31", "10 years"),
    ],
)
def test_dates_are_drawn_in_calendar_units(start: str, end: str, unit: str) -> None:
    moments = np.linspace(*(np.datetime64(d, "us").astype(np.int64) for d in (start, end)), 500)
    bars = of_moments(np.sort(moments.astype(np.int64)))
    assert bars.unit == unit
    assert total(bars) == 500
    assert len(bars.edges) == len(bars.counts) + 1


def test_a_column_of_one_moment_has_one_bar() -> None:
    bars = of_moments(np.array(["2024-03-01"] * 3, dtype="datetime64[us]").astype(np.int64))
    assert total(bars) == 3


def test_lengths_are_counted_in_characters() -> None:
    bars = of_lengths(np.array([1.0, 2, 2, 40]))
    assert (bars.scale, total(bars)) == ("length", 4)


def test_quantiles_agree_with_the_usual_definition() -> None:
    values = np.sort(np.random.default_rng(7).normal(size=101))
    for share in (0.0, 0.01, 0.333, 0.5, 0.99, 1.0):
        assert quantile(values, share) == pytest.approx(np.quantile(values, share))
