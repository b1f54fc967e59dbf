"""An interrupted training ends in the bytes of an uninterrupted one."""

import pytest

from tests.training.tables import Shelf, Watch, churn, learn
from training.engine import Cancelled, RunConfig, boost

# Sampling makes the random state matter; slow learning gives several segments.
PARAMETERS = {"learning_rate": 0.03, "subsample": 0.7, "colsample_bynode": 0.7, "n_estimators": 130}
QUICK = RunConfig("churn", "binary", threads=1, parameters=PARAMETERS)
STANDARD = RunConfig("churn", "binary", "standard", threads=1, parameters=PARAMETERS)


@pytest.fixture(autouse=True)
def every_segment_is_kept(monkeypatch):
    monkeypatch.setattr(boost, "CHECKPOINT_SECONDS", 0.0)


@pytest.mark.parametrize("stop", [60, 110])
def test_a_resumed_model_has_the_same_bytes_and_curves(tmp_path, stop):
    whole = learn(tmp_path, churn(), QUICK)
    shelf = Shelf()
    with pytest.raises(Cancelled):
        learn(tmp_path, churn(), QUICK, Watch(stop_after=stop), shelf)
    watch = Watch()
    resumed = learn(tmp_path, churn(), QUICK, watch, shelf)
    assert watch.points[0].step == stop // 50 * 50 + 1
    assert resumed.native == whole.native
    assert resumed.report.curves == whole.report.curves
    assert resumed.schema == whole.schema


def test_a_training_resumes_inside_its_second_candidate(tmp_path):
    full = Watch()
    whole = learn(tmp_path, churn(), STANDARD, full)
    first = whole.report.candidates[0].rounds_run
    shelf = Shelf()
    with pytest.raises(Cancelled):
        learn(tmp_path, churn(), STANDARD, Watch(stop_after=first + 60), shelf)
    watch = Watch()
    resumed = learn(tmp_path, churn(), STANDARD, watch, shelf)
    assert watch.points == full.points[first + 50 :]
    assert resumed.native == whole.native
    assert [c.loss for c in resumed.report.candidates] == [c.loss for c in whole.report.candidates]


def test_the_number_of_threads_does_not_change_the_model(tmp_path):
    one = learn(tmp_path, churn(), QUICK)
    two = learn(tmp_path, churn(), RunConfig("churn", "binary", threads=2, parameters=PARAMETERS))
    assert one.native == two.native


def test_another_configurations_checkpoint_is_not_continued(tmp_path):
    shelf = Shelf()
    with pytest.raises(Cancelled):
        learn(tmp_path, churn(), QUICK, Watch(stop_after=60), shelf)
    watch = Watch()
    other = RunConfig("churn", "binary", threads=1, parameters={**PARAMETERS, "max_depth": 3})
    learn(tmp_path, churn(), other, watch, shelf)
    assert watch.points[0].step == 1


def test_bytes_that_are_no_checkpoint_are_ignored(tmp_path):
    watch = Watch()
    learn(tmp_path, churn(), QUICK, watch, Shelf(b"not a checkpoint"))
    assert watch.points[0].step == 1


def test_a_request_to_stop_ends_the_training_after_the_round(tmp_path):
    watch = Watch(stop_after=7)
    with pytest.raises(Cancelled):
        learn(tmp_path, churn(), QUICK, watch)
    assert len(watch.points) == 7


def test_segments_grow_with_what_is_already_trained():
    assert [boost.segment_end(start, 10_000) for start in (0, 50, 400, 4000)] == [50, 100, 500, 5000]
    assert boost.segment_end(100, 130) == 130
