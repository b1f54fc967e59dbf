"""Public identifiers: shaped, sorted, never twice."""

import threading
import time

import pytest

from fynix import ids


def test_an_id_names_its_kind_and_is_recognised() -> None:
    run = ids.new("run")
    assert run.startswith("run_")
    assert len(run) == len("run_") + 26
    assert ids.is_valid("run", run)
    assert not ids.is_valid("dv", run)


def test_a_kind_may_hold_an_underscore() -> None:
    assert ids.is_valid("model_version", ids.new("model_version"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run_",
        "run_../../etc/passwd",
        f"run_{'8' + '0' * 25}",
        f"run_{'0' * 25}l",
        f"run_{'0' * 26}\n",
        "0" * 26,
    ],
)
def test_anything_else_is_not_an_id(text: str) -> None:
    assert not ids.is_valid("run", text)


def test_later_ids_sort_later() -> None:
    made = [ids.new("run") for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_go_on_rising_when_the_clock_runs_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids.new("run")
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    assert ids.new("run") > before


def test_threads_never_make_the_same_id() -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(ids.new("run") for _ in range(500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 4000


def test_the_time_of_creation_can_be_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last_tick", 0)  # another test may have moved this process's clock ahead
    tail = ids.new("run").removeprefix("run_")
    value = 0
    for letter in tail:
        value = value * 32 + ids.ALPHABET.index(letter)
    assert abs((value >> 80) / 1000 - time.time()) < 60
    assert value >> 76 & 0xF == 7
    assert value >> 62 & 0b11 == 0b10
