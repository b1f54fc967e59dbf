"""Small tables under Thorough: parameter sets are judged on folds, and the training is one that goes on as ever."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.training.tables import Shelf, Watch, churn, learn
from training.engine import Cancelled, RunConfig, boost, crossed
from training.narrative import narrate
from training.narrative.judgement import fold_spread

FEW = {"n_estimators": 12, "subsample": 0.7}
THOROUGH = RunConfig("churn", "binary", "thorough", threads=1, parameters=FEW)


@pytest.fixture(autouse=True)
def every_segment_is_kept(monkeypatch):
    monkeypatch.setattr(boost, "CHECKPOINT_SECONDS", 0.0)


def test_four_sets_are_judged_on_five_folds_and_the_best_learns_once_more(tmp_path):
    watch = Watch()
    report = learn(tmp_path, churn(), THOROUGH, watch).report
    names = list(dict.fromkeys(point.candidate for point in watch.points))

    assert len(names) == len(watch.planned) == 21
    assert names[:-1] == watch.planned[:-1]
    assert names[0] == "tuned-defaults, fold 1 of 5"
    assert names[-1] == report.chosen
    assert [len(each.folds) for each in report.candidates] == [5] * 4
    assert report.chosen == min(report.candidates, key=lambda each: each.loss).name
    assert all(each.loss == pytest.approx(np.mean(each.folds)) for each in report.candidates)
    assert "over 5 folds" in next(claim.text() for claim in narrate(report).claims if claim.code == "choice")


@pytest.mark.parametrize("stop", [30, 245])
def test_interrupted_between_its_folds_or_in_the_end_it_gives_the_same_bytes(tmp_path, stop):
    whole = learn(tmp_path, churn(), THOROUGH)
    shelf = Shelf()
    with pytest.raises(Cancelled):
        learn(tmp_path, churn(), THOROUGH, Watch(stop_after=stop), shelf)
    resumed = learn(tmp_path, churn(), THOROUGH, Watch(), shelf)

    assert resumed.native == whole.native
    assert [each.folds for each in resumed.report.candidates] == [each.folds for each in whole.report.candidates]


@pytest.mark.parametrize("change", [{"recipe": "standard"}, {"time": "when"}, {"rows": 2000}])
def test_other_recipes_large_tables_and_rows_in_time_are_not_folded(change):
    rows = change.pop("rows", 600)
    assert not crossed.applies(replace(THOROUGH, **change), rows)


def test_no_group_is_in_two_folds_and_too_few_groups_are_none(tmp_path):
    groups = np.arange(90) // 3
    home = crossed.cut(np.zeros(90, dtype=np.float32), groups, stratify=True, seed=7)
    assert all(len(set(home[groups == group])) == 1 for group in range(30))
    assert np.bincount(home).tolist() == [18] * 5
    assert crossed.cut(np.zeros(90, dtype=np.float32), groups // 10, stratify=True, seed=7) is None
    table = churn().with_columns(branch=pl.Series(np.repeat(range(5), [250, 150, 100, 60, 40])))
    watch = Watch()
    report = learn(tmp_path, table, replace(THOROUGH, group="branch"), watch).report
    assert report.candidates[0].folds == ()
    assert any("fewer than 5 groups" in line for line in watch.lines)


def test_classes_keep_their_shares_in_every_fold():
    labels = np.array([0] * 83 + [1] * 17, dtype=np.float32)
    home = crossed.cut(labels, None, stratify=True, seed=7)
    assert {int(labels[home == fold].sum()) for fold in range(5)} == {3, 4}
    assert np.bincount(home).tolist() == [20] * 5


def test_a_fold_far_from_the_others_is_told_and_ordinary_spread_is_not(tmp_path):
    report = learn(tmp_path, churn(), THOROUGH).report
    told = {
        folds: fold_spread(
            replace(report, candidates=(replace(report.candidates[0], name=report.chosen, folds=folds),))
        )
        for folds in ((0.40, 0.41, 0.42, 0.40, 0.71), (0.40, 0.41, 0.42, 0.40, 0.43), (0.4,) * 5)
    }
    sentences = [claim and claim.text() for claim in told.values()]
    assert sentences[0].startswith("On fold 5 of 5 the log loss is 0.71, on the middle one 0.41")
    assert sentences[1:] == [None, None]
