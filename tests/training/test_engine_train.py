"""Training a table gives a model that is cut, judged and told about honestly."""

import json

import numpy as np
import polars as pl
import pytest
import xgboost as xgb

from tests.training.tables import TASKS, Watch, churn, learn, prices
from training.engine import Model, RunConfig, RunReport, Untrainable, boost
from training.engine.metrics import LOWER_IS_BETTER
from training.engine.recipes import METRICS
from training.engine.scorers import SCORERS


def config(target="churn", task="binary", **changes):
    return RunConfig(target, task, threads=1, **changes)


@pytest.mark.parametrize(("task", "better"), [("binary", 0.85), ("multiclass", 0.85), ("regression", None)])
def test_each_task_is_learnt_well_and_its_report_survives_json(tmp_path, task, better):
    make, target = TASKS[task]
    report = learn(tmp_path, make(), config(target, task)).report
    score = report.headline
    assert score.low <= score.value <= score.high
    assert score.value > better if better else score.value < 0.3 * score.baseline
    assert RunReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_a_good_model_is_better_than_its_baseline_in_the_direction_that_every_metric_names(tmp_path):
    told = set()
    for task, (make, target) in TASKS.items():
        further = tuple(name for name in SCORERS if name in LOWER_IS_BETTER and task in SCORERS[name].tasks)
        report = learn(tmp_path, make(), config(target, task, metrics=further)).report
        for name, score in report.test.items():
            if score.baseline is not None and name != "recall":  # always saying yes finds every yes
                assert (score.value < score.baseline) == (name in LOWER_IS_BETTER), name
        told |= {*report.test, *METRICS[task]}
    assert told >= LOWER_IS_BETTER  # a name that no report has would leave a metric without its direction


def test_the_model_holds_only_the_rounds_up_to_the_best(tmp_path):
    outcome = learn(tmp_path, churn(), config())
    booster = xgb.Booster(model_file=bytearray(outcome.native))
    assert booster.num_boosted_rounds() == outcome.report.best_round < outcome.report.rounds_run
    assert booster.feature_names is None


def test_the_reported_accuracy_is_that_of_answers_on_the_holdout(tmp_path):
    outcome = learn(tmp_path, churn(), config())
    answers = Model(outcome.native, outcome.schema).answers(outcome.holdout.to_dict(as_series=False))
    right = np.mean([a.value == actual for a, actual in zip(answers, outcome.holdout["churn"], strict=True)])
    assert right == pytest.approx(outcome.report.test["accuracy"].value)
    assert outcome.holdout.columns == ["months", "plan", "noise", "churn"]
    assert outcome.holdout.height == outcome.report.sizes["test"] == 120


def test_the_confusion_table_agrees_with_accuracy_recall_and_class_rows(tmp_path):
    report = learn(tmp_path, churn(), config()).report
    table = np.array(report.confusion)
    assert np.trace(table) / table.sum() == pytest.approx(report.test["accuracy"].value)
    assert table[1, 1] / table[1].sum() == pytest.approx(report.test["recall"].value)
    assert [item.label for item in report.classes] == ["No", "Yes"]
    assert sum(item.rows for item in report.classes) == 600


def test_what_the_test_rows_hold_never_changes_the_model(tmp_path):
    table = prices()
    first = learn(tmp_path, table, config("price", "regression"))
    held = first.holdout["size"].to_list()
    spoilt = table.with_columns(
        pl.when(pl.col("size").is_in(held)).then(-1e6).otherwise(pl.col("price")).alias("price")
    )
    second = learn(tmp_path, spoilt, config("price", "regression"))
    assert second.native == first.native
    assert second.report.headline.value > 10 * first.report.headline.value


def test_observers_see_every_round_once_and_the_stages_in_order(tmp_path):
    watch = Watch()
    report = learn(tmp_path, churn(), config(), watch).report
    assert [point.step for point in watch.points] == list(range(1, report.rounds_run + 1))
    assert watch.points[0].metrics.keys() == {"train-logloss", "valid-logloss", "valid-auc"}
    names = list(dict.fromkeys(stage for stage, _ in watch.stages))
    assert names == ["load", "check", "split", "train", "evaluate", "explain"]
    training = [progress for stage, progress in watch.stages if stage == "train"]
    assert training == sorted(training)
    assert training[-1] == 1.0


def test_the_train_curve_is_xgboosts_own_log_loss(tmp_path, monkeypatch):
    native = {}
    watched = boost.Matrices.watched
    monkeypatch.setattr(boost.Matrices, "watched", lambda self, task: [(self.train, "own"), *watched(self, task)])
    watch = Watch()
    learn(tmp_path, churn(), config(parameters={"n_estimators": 5}), watch)
    for point in watch.points:
        native[point.step] = point.metrics["own-logloss"]
        assert point.metrics["train-logloss"] == pytest.approx(native[point.step], rel=1e-5)
    assert len(set(native.values())) == 5


def test_the_kept_round_is_the_lowest_of_the_curve(tmp_path):
    report = learn(tmp_path, churn(), config()).report
    curve = report.curves.values["valid-logloss"]
    assert report.curves.steps[int(np.argmin(curve))] == report.best_round
    assert min(curve) == report.validation["logloss"]


def test_standard_tries_two_parameter_sets_and_keeps_the_lower_loss(tmp_path):
    watch = Watch()
    report = learn(tmp_path, churn(), config(recipe="standard"), watch).report
    losses = {candidate.name: candidate.loss for candidate in report.candidates}
    assert len(losses) == 2
    assert report.chosen == min(losses, key=losses.get)
    assert {point.candidate for point in watch.points} == set(losses)


def test_thorough_with_few_rounds_runs_all_four_on_every_fold(tmp_path):
    report = learn(tmp_path, churn(), config(recipe="thorough", parameters={"n_estimators": 6})).report
    assert [candidate.rounds_run for candidate in report.candidates] == [5 * 6] * 4


def test_a_persons_parameters_replace_the_recipes(tmp_path):
    parameters = {"eta": 0.3, "max_depth": 2, "early_stopping_rounds": 3}
    report = learn(tmp_path, churn(), config(parameters=parameters)).report
    assert report.candidates[0].parameters == {"learning_rate": 0.3, "max_depth": 2}
    assert report.rounds_run == report.best_round + 3


def test_a_rare_class_gets_a_set_of_its_own_that_weighs_it_by_the_root_of_its_rarity(tmp_path):
    table = churn(2000)
    rare = table.filter((pl.col("churn") == "No") | (pl.int_range(2000) % 30 == 0))
    watch = Watch()
    report = learn(tmp_path, rare, config(recipe="standard", parameters={"n_estimators": 5}), watch).report
    counts = {each.label: each.rows for each in report.classes}
    weight = report.candidates[-1].parameters["scale_pos_weight"]
    assert counts["Yes"] < 0.05 * sum(counts.values())
    assert weight == pytest.approx((counts["No"] / counts["Yes"]) ** 0.5, rel=0.05)
    assert watch.planned == ["tuned-defaults", "autogluon", "rare-class"]
    assert [each.name for each in report.candidates] == watch.planned
    quick = learn(tmp_path, rare, config(parameters={"n_estimators": 5})).report
    assert [each.name for each in quick.candidates] == ["autogluon"]


@pytest.mark.parametrize("parameters", [{"objective": "x"}, {"subsample": 2.0}, {"n_estimators": 0}, {"nthread": 9}])
def test_a_parameter_that_cannot_be_set_is_refused_in_words(tmp_path, parameters):
    with pytest.raises(Untrainable) as refusal:
        learn(tmp_path, churn(), config(parameters=parameters))
    assert refusal.value.code == "bad_parameter"


def test_rows_without_a_target_are_left_out_and_counted(tmp_path):
    table = churn().with_columns(pl.when(pl.int_range(600) < 30).then(None).otherwise(pl.col("churn")).alias("churn"))
    watch = Watch()
    report = learn(tmp_path, table, config(), watch).report
    assert report.dropped_rows == 30
    assert sum(report.sizes.values()) == 570
    assert watch.lines[0] == "30 rows have no value in “churn” and are left out."


def test_importance_puts_the_signal_above_the_noise_and_shares_sum_to_one(tmp_path):
    items = learn(tmp_path, churn(), config()).report.importance
    assert items[0].column == "months"
    assert sum(item.share for item in items) == pytest.approx(1)
