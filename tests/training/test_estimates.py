"""How long a training still takes: told once it can be told, and honest about patience."""

from collections.abc import Iterator

import pytest

from training import estimates
from training.engine.recipes import Candidate
from training.estimates import Pace

FAST = Candidate("fast", {"learning_rate": 0.1}, 10_000)
SLOW = Candidate("slow", {"learning_rate": 0.05}, 150)


@pytest.fixture(autouse=True)
def _ten_rounds_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    moments: Iterator[float] = (place / 10 for place in range(10_000))
    monkeypatch.setattr(estimates.time, "monotonic", lambda: next(moments))


def after(pace: Pace, candidate: Candidate, *, rounds: int) -> Pace:
    for step in range(1, rounds + 1):
        pace.see(candidate.name, step)
    return pace


def test_nothing_is_told_before_two_seconds() -> None:
    assert after(Pace([FAST]), FAST, rounds=15).left(0.5) is None


def test_while_rounds_get_better_it_counts_to_where_such_sets_usually_stop() -> None:
    pace = after(Pace([FAST]), FAST, rounds=50)
    assert pace.left(50 / 85) == pytest.approx((250 - 50) / 10)


def test_once_rounds_stop_getting_better_it_counts_to_the_end_of_patience() -> None:
    pace = after(Pace([FAST]), FAST, rounds=80)
    assert pace.left(80 / 85) == pytest.approx(0.5)


def test_later_sets_count_and_learn_from_the_one_that_stopped() -> None:
    pace = after(Pace([FAST, SLOW]), FAST, rounds=60)
    assert pace.left(60 / 62 / 2) == pytest.approx((2 + 150) / 10)

    after(pace, SLOW, rounds=30)
    assert pace.left(0.5 + 30 / 60 / 2) == pytest.approx((120 - 30) / 10)


def test_after_a_resume_the_pace_is_that_of_this_attempt() -> None:
    pace = Pace([FAST])
    for step in range(1001, 1031):
        pace.see(FAST.name, step)
    assert pace.left(0.9) == pytest.approx(1030 / 0.9 / 10 - 103)
