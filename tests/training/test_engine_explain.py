"""Explanations follow the signal that a table was made with; suspicions find what was planted, and only that."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tests.training.tables import TASKS, Watch, churn, learn, prices, species
from training.engine import Cancelled, RunConfig, RunReport
from training.narrative import narrate


def report_of(tmp_path, table, target="churn", task="binary", **changes):
    config = RunConfig(target, task, threads=1, parameters={"n_estimators": 40}, **changes)
    return learn(tmp_path, table, config).report


def test_dependence_rises_with_the_number_that_was_planted_and_names_the_level_that_was(tmp_path):
    found = report_of(tmp_path, churn()).explanation
    months, plan = (next(each for each in found.dependence if each.column == name) for name in ("months", "plan"))
    bins = [step for step in months.steps if step.at is not None]
    assert [step.at for step in bins] == sorted(step.at for step in bins)
    assert bins[-1].mean > 0.5 > -0.5 > bins[0].mean
    assert months.steps[-1].label == ""
    assert sum(step.rows for step in months.steps) == 120
    assert max(plan.steps, key=lambda step: step.mean).label == "max"
    assert all(step.low <= step.high for each in found.dependence for step in each.steps)


def test_dots_of_a_swarm_are_the_rows_with_the_rank_of_their_cell(tmp_path):
    found = {each.column: each for each in report_of(tmp_path, churn()).explanation.swarms}
    months = found["months"]
    known = [(rank, value) for rank, value in zip(months.ranks, months.values, strict=True) if rank is not None]
    assert np.corrcoef(np.array(known).T)[0, 1] > 0.7
    assert min(rank for rank, _ in known) == 0
    assert max(rank for rank, _ in known) == 1
    assert set(found["plan"].ranks) == {None}
    assert len(months.values) == 120


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_explained_and_its_report_survives_json(tmp_path, task):
    make, target = TASKS[task]
    report = report_of(tmp_path, make(), target, task)
    assert report.explanation.output in ({"ant", "bee", "cow"} if task == "multiclass" else {""})
    assert report.explanation.dependence
    assert RunReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_each_class_is_explained_for_itself_with_its_own_columns_first(tmp_path):
    report = report_of(tmp_path, species(), "species", "multiclass")
    by_class = {each.output: each for each in report.class_explanations}
    assert list(by_class) == [each.label for each in report.classes]
    assert by_class[report.explanation.output].swarms[0].values != next(
        each.swarms[0].values for output, each in by_class.items() if output != report.explanation.output
    )
    assert report_of(tmp_path, churn()).class_explanations == ()


def test_precision_recall_ends_with_all_found_and_agrees_with_its_area(tmp_path):
    report = report_of(tmp_path, churn())
    curve = report.precision_recall
    assert curve[-1].recall == 1
    area = sum(
        (each.recall - before) * each.precision
        for each, before in zip(curve, [0, *(each.recall for each in curve)], strict=False)
    )
    assert area == pytest.approx(report.test["pr_auc"].value, abs=0.01)


def scores(report):
    return {each.column: each for each in report.suspicions.alone}


@pytest.mark.parametrize(
    ("make", "target", "task", "measure"),
    [
        (churn, "churn", "binary", "auc"),
        (species, "species", "multiclass", "macro_auc"),
        (prices, "price", "regression", "r2"),
    ],
)
def test_a_planted_copy_of_the_target_is_found_and_noise_is_not(tmp_path, make, target, task, measure):
    table = make().with_columns(
        copy=pl.col(target), random=pl.Series(np.random.default_rng(1).normal(size=make().height))
    )
    report = report_of(tmp_path, table, target, task)
    assert report.suspicions.measure == measure
    assert scores(report)["copy"].score > 0.97
    assert scores(report)["random"].score < 0.7
    story = {claim.code: claim for claim in narrate(report).claims}
    assert "copy" in story["leak"].text()


def test_a_rare_target_hides_no_copy(tmp_path):
    rare = pl.Series(np.arange(1500) % 40 == 0).cast(pl.Int64)
    table = churn(1500).with_columns(churn=rare, copy=rare.cast(pl.String))
    assert scores(report_of(tmp_path, table))["copy"].score > 0.99


def test_a_copy_with_half_its_cells_missing_is_exact_where_it_is_there(tmp_path):
    holes = pl.when(pl.int_range(600) % 2 == 0).then(pl.col("churn"))
    copy = scores(report_of(tmp_path, churn().with_columns(copy=holes)))["copy"]
    assert copy.present == pytest.approx(0.5, abs=0.05)
    assert copy.present_score > 0.99 > copy.score


def test_a_sorted_table_betrays_itself_by_its_row_numbers_and_a_mixed_one_does_not(tmp_path):
    mixed, sorted_ = (report_of(tmp_path, table) for table in (churn(), churn().sort("churn")))
    assert sorted_.suspicions.order > 0.95
    assert mixed.suspicions.order < 0.65
    codes = [{claim.code for claim in narrate(report).claims} for report in (mixed, sorted_)]
    assert ["order" in found for found in codes] == [False, True]


def test_dates_that_the_split_mixes_are_named_until_the_rows_are_divided_by_time(tmp_path):
    day = pl.Series([date(2025, 1, 1) + timedelta(days=n % 300) for n in range(600)])
    table = churn().with_columns(day=day)
    assert report_of(tmp_path, table).suspicions.dates == ("day",)
    by_time = report_of(tmp_path, table, time="day").suspicions
    assert (by_time.dates, by_time.order) == ((), None)
    assert by_time.shift > 0.05


@pytest.mark.parametrize(("make", "target", "task"), [(churn, "churn", "binary"), (prices, "price", "regression")])
def test_a_target_that_moves_with_time_is_a_shift(tmp_path, make, target, task):
    table = make().sort(target)
    rows = table.height
    drift = np.arange(rows) + np.random.default_rng(2).normal(0, rows / 3, rows)
    table = table.with_columns(when=pl.Series(drift))
    assert report_of(tmp_path, table, target, task, time="when").suspicions.shift < 0.05


def test_a_run_can_be_cancelled_while_columns_are_looked_at(tmp_path):
    class Late(Watch):
        def cancelled(self):
            return self.stages[-1:] == [("explain", 0.0)]

    with pytest.raises(Cancelled):
        learn(tmp_path, churn(), RunConfig("churn", "binary", threads=1, parameters={"n_estimators": 5}), Late())
