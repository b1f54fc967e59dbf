"""The story of a training: each finding by its own curve or figure."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training.tables import churn, learn
from training.engine import RunConfig
from training.engine.report import (
    Alone,
    CandidateResult,
    ClassRows,
    Curves,
    ExcludedColumn,
    Importance,
    Score,
    Suspicions,
)
from training.narrative import Change, Claim, Narrative, Slot, narrate, narrate_curves


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    config = RunConfig("churn", "binary", threads=1)
    return learn(tmp_path_factory.mktemp("story"), churn(), config).report


def curves(valid, train=None):
    train = np.linspace(0.6, 0.1, len(valid)) if train is None else train
    values = {"valid-rmse": tuple(map(float, valid)), "train-rmse": tuple(map(float, train))}
    return Curves(tuple(range(1, len(valid) + 1)), values)


def falling(rounds=100, floor=0.3):
    return floor + 0.4 * np.exp(-np.arange(rounds) / 10)


def rising(rounds=100, turn=40):
    shape = falling(rounds)
    return shape + np.maximum(0, np.arange(rounds) - turn) * 0.005


def claim(narrative, code):
    return next((found for found in narrative.claims if found.code == code), None)


def told(report, shape, **changes):
    values = {name.replace("rmse", "logloss"): curve for name, curve in shape.values.items()}
    values["valid-auc"] = tuple(1 - value for value in values["valid-logloss"])
    return narrate(replace(report, curves=Curves(shape.steps, values), **changes))


def test_fewer_than_ten_rounds_tell_nothing():
    assert narrate_curves(curves(falling(9)), "rmse") == Narrative((), ())


def test_a_run_that_improves_is_said_to_improve_still():
    found = claim(narrate_curves(curves(np.linspace(1, 0.5, 30)), "rmse"), "converged")
    assert found.text() == "Validation RMSE is still improving: 0.5 at round 30."
    assert found.severity == "good"


def test_overfitting_is_dated_after_the_best_round_and_points_at_the_chart(report):
    story = told(report, curves(rising()))
    best, onset = claim(story, "best").slots["kept"], claim(story, "onset").slots["round"]
    assert best.value < onset.value <= best.value + 10
    assert onset.metric == "valid-logloss"
    assert onset.step == onset.value
    assert "steadily until round" in claim(story, "converged").text()


def test_a_curve_that_only_falls_shows_no_overfitting(report):
    story = told(report, curves(falling()))
    assert claim(story, "onset") is None
    assert "onset" in story.checked


def test_validation_that_rises_with_training_is_a_rise_not_overfitting(report):
    story = told(report, curves(rising(), train=rising()))
    assert claim(story, "rise").slots["rise"].value > 0.05
    assert claim(story, "onset") is None


def test_a_best_round_at_the_limit_advises_more_rounds(report):
    story = told(report, curves(np.linspace(1, 0.5, 50)), max_rounds=50)
    assert claim(story, "capped").change.parameters == {"n_estimators": 100}
    assert claim(told(report, curves(falling()), max_rounds=5000), "capped") is None


@pytest.mark.parametrize("shape", [np.linspace(0.5, 1, 30), np.append(falling(20), np.nan)])
def test_a_loss_that_only_rises_or_breaks_is_a_problem_that_speaks_alone(shape):
    story = narrate_curves(curves(shape), "rmse")
    assert [(found.code, found.severity) for found in story.claims] == [("diverged", "problem")]


def test_a_jump_of_the_loss_is_found_at_its_round():
    shape = falling(60)
    shape[50] = 2.0
    assert claim(narrate_curves(curves(shape), "rmse"), "spike").slots["round"].value == 51
    assert claim(narrate_curves(curves(falling(60)), "rmse"), "spike") is None


def test_a_flat_quarter_is_a_plateau_while_the_run_goes_on():
    shape = np.append(falling(50), np.full(50, 0.3))
    assert claim(narrate_curves(curves(shape), "rmse"), "plateau").slots["round"].value == 76
    assert claim(narrate_curves(curves(np.linspace(1, 0.5, 100)), "rmse"), "plateau") is None


def test_a_good_score_is_told_with_its_interval_and_the_guess(report):
    found = claim(narrate(report), "baseline")
    score = report.headline
    assert found.severity == "good"
    assert (found.slots["low"].value, found.slots["high"].value) == (score.low, score.high)
    assert found.text().endswith("guessing scores 0.5.")


@pytest.mark.parametrize("score", [Score(0.53, 0.51, 0.55, 0.5), Score(0.6, 0.45, 0.75, 0.5)])
def test_a_score_at_the_baseline_is_a_problem_and_told_first(report, score):
    story = narrate(replace(report, test={**report.test, "auc": score}))
    assert (story.claims[0].code, story.claims[0].severity) == ("baseline", "problem")


def test_a_test_loss_far_above_validation_is_a_warning(report):
    valid = report.validation["logloss"]

    def story(factor):
        loss = Score(factor * valid, factor * valid - 0.01, factor * valid + 0.01)
        return narrate(replace(report, test={**report.test, "logloss": loss}))

    assert claim(story(1.5), "generalise").slots["worse"].value == pytest.approx(0.5)
    assert claim(story(1.05), "generalise") is None


def test_a_small_test_is_named_with_its_rows(report):
    story = narrate(replace(report, sizes={**report.sizes, "test": 60}))
    assert claim(story, "small_test").slots["rows"].value == 60
    assert claim(narrate(report), "small_test") is None


def test_a_rare_class_moves_the_eye_from_accuracy_to_recall(report):
    story = narrate(replace(report, classes=(ClassRows("No", 900), ClassRows("Yes", 100))))
    found = claim(story, "imbalance")
    assert found.text().startswith("90 % of the rows are “No”, so accuracy says little.")
    assert found.slots["recall"].metric == "test-recall"
    assert claim(narrate(report), "imbalance") is None


def test_poor_calibration_is_told_only_when_there_are_rows_to_see_it(report):
    poor = {**report.test, "ece": Score(0.12)}
    assert claim(narrate(replace(report, test=poor, sizes={**report.sizes, "test": 1000})), "calibration")
    assert claim(narrate(replace(report, test=poor)), "calibration") is None


def test_a_column_that_decides_all_is_suspected_of_leaking(report):
    sharp = {**report.test, "auc": Score(0.99, 0.98, 1.0, 0.5)}
    alone = replace(report, importance=(Importance("paid", 2.0, 0.9), Importance("age", 0.2, 0.1)))
    leak = claim(narrate(replace(alone, test=sharp)), "dominance")
    assert (leak.severity, leak.change.exclude) == ("problem", ("paid",))
    mild = {**report.test, "auc": Score(0.8, 0.78, 0.82, 0.5)}
    assert claim(narrate(replace(alone, test=mild)), "dominance").severity == "info"


def suspicious(**changes):
    plain = Suspicions("auc", (Alone("months", 0.8, 1.0, 0.8), Alone("plan", 0.6, 1.0, 0.6)), 0.5, (), None)
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("score", "severity", "advice"),
    [(0.924, None, ""), (0.93, "warning", "Check that"), (0.99, "problem", "very likely")],
)
def test_a_column_that_alone_tells_the_target_is_named_and_may_be_left_out(report, score, severity, advice):
    alone = (Alone("months", score, 1.0, score), Alone("plan", 0.6, 1.0, 0.6))
    found = claim(narrate(replace(report, suspicions=suspicious(alone=alone))), "leak")
    assert (found and found.severity) == severity
    if found:
        assert f"“months” alone reaches AUC {score}" in found.text()
        assert advice in found.text()
        assert found.change == Change(exclude=("months",))


def test_every_column_that_surely_leaks_is_proposed_to_be_left_out_and_dominance_is_not_told_twice(report):
    alone = (Alone("months", 0.99, 1.0, 0.99), Alone("plan", 0.995, 1.0, 0.995))
    strong = (Importance("months", 3.0, 0.9), Importance("plan", 0.3, 0.1))
    story = narrate(replace(report, suspicions=suspicious(alone=alone), importance=strong))
    assert claim(story, "leak").change.exclude == ("months", "plan")
    assert claim(story, "dominance") is None


def test_a_copy_of_the_answer_with_holes_is_found(report):
    found = claim(narrate(replace(report, suspicions=suspicious(alone=(Alone("paid", 0.88, 0.5, 0.999),)))), "leak")
    assert "“paid” is missing in 50 % of the rows and reaches AUC 0.999" in found.text()


def test_a_sorted_table_mixed_times_and_a_shift_are_told(report):
    story = narrate(replace(report, suspicions=suspicious(order=0.9, dates=("day",), shift=0.01)))
    assert claim(story, "order").severity == claim(story, "shift").severity == "warning"
    assert claim(story, "time").change == Change(time="day")
    assert "(p = 0.01)" in claim(story, "shift").text()
    quiet = narrate(replace(report, suspicions=suspicious()))
    assert {"leak", "order", "time", "shift"} <= set(quiet.checked)


def test_a_report_from_before_there_were_suspicions_is_told_without_them(report):
    story = narrate(replace(report, suspicions=None))
    assert {"leak", "order", "time", "shift"} <= set(story.checked)


def test_two_close_parameter_sets_are_called_a_tie(report):
    def candidate(name, loss):
        return CandidateResult(name, loss, 5, 9, 100, 0.1, {})

    close = narrate(replace(report, candidates=(candidate("a", 0.400), candidate("b", 0.401))))
    apart = narrate(replace(report, candidates=(candidate("a", 0.4), candidate("b", 0.5))))
    assert "hardly matters" in claim(close, "choice").text()
    assert "lower one is kept" in claim(apart, "choice").text()


def test_left_out_columns_and_rows_are_told_unless_you_asked_for_them(report):
    left = (ExcludedColumn("id", "identifier", "."), ExcludedColumn("age", "asked", "."))
    story = narrate(replace(report, excluded=left, dropped_rows=60))
    assert claim(story, "excluded").text() == "1 column was left out by rule: “id”."
    assert claim(story, "dropped").severity == "warning"


def test_the_story_survives_json_and_leads_with_at_most_six(report):
    story = told(report, curves(rising()), sizes={**report.sizes, "test": 60}, dropped_rows=1)
    assert Narrative.from_json(json.loads(json.dumps(story.to_json()))) == story
    assert len(story.headline) <= 6
    order = ["problem", "warning", "good", "info"]
    assert [c.severity for c in story.claims] == sorted((c.severity for c in story.claims), key=order.index)


def test_a_column_name_with_braces_is_shown_as_it_is():
    found = Claim("x", "info", "See {name}.", {"name": Slot("{0} and {evil}", "text")})
    assert found.text() == "See {0} and {evil}."
