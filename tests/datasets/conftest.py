"""Small parts, so that a test's table has several."""

import signal
from collections.abc import Iterator

import pytest

from datasets import uploads


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LEAST_PART", uploads.MIB)


@pytest.fixture(autouse=True)
def _usual_signals() -> Iterator[None]:
    """A job done in this process leaves its way of hearing SIGTERM behind."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
