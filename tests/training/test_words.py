"""Whatever the engine and the narrative name by a key has words for people, and the API's text names it."""

from fynix import env
from training import words
from training.engine.metrics import LOWER_IS_BETTER
from training.engine.scorers import SCORERS
from training.narrative import judgement, rounds, shape

TEXT = (env.ROOT / "docs" / "api" / "runs.md").read_text(encoding="utf-8")


def test_every_metric_has_words_on_pages_and_in_sentences() -> None:
    assert {*SCORERS, *LOWER_IS_BETTER} <= words.METRICS.keys()
    assert words.METRICS.keys() == shape.NAMES.keys()


def test_every_metric_that_can_be_followed_is_described() -> None:
    assert [name for name in SCORERS if f"`{name}`" not in TEXT] == []


def test_every_detector_has_words_for_what_it_looks_for() -> None:
    assert {*rounds.DETECTORS, *judgement.DETECTORS} == words.DETECTORS.keys()
