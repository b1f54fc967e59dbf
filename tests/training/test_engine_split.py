"""The three parts of a table."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tests.training.tables import churn, learn
from training.engine import RunConfig, Untrainable
from training.engine.split import by_group, by_time, cut_table, split


def parts(labels, *, stratify=True, share=0.2, seed=7):
    return split(np.asarray(labels, dtype=np.float32), stratify=stratify, test_share=share, seed=seed)


def test_every_row_is_in_exactly_one_part():
    found = parts([0, 1] * 1000)
    rows = np.concatenate([found.train, found.valid, found.test])
    assert sorted(rows) == list(range(2000))
    assert (len(found.train), len(found.valid), len(found.test)) == (1200, 400, 400)


def test_every_class_keeps_its_share_in_every_part():
    labels = np.array([0] * 900 + [1] * 100)
    found = parts(labels)
    assert [labels[rows].mean() for rows in (found.train, found.valid, found.test)] == [0.1, 0.1, 0.1]


def test_a_class_of_five_rows_is_in_every_part():
    labels = np.array([0] * 500 + [1] * 5)
    found = parts(labels, share=0.05)
    assert all(labels[rows].sum() >= 1 for rows in (found.train, found.valid, found.test))


@pytest.mark.parametrize(("rows", "test"), [(10_000, 2000), (400, 100), (200, 60), (50, 15)])
def test_small_tables_give_up_to_a_hundred_rows_to_the_test(rows, test):
    assert len(parts(np.arange(rows), stratify=False).test) == test


def test_the_seed_alone_decides():
    labels = [0, 1] * 300
    assert np.array_equal(parts(labels).test, parts(labels).test)
    assert not np.array_equal(parts(labels).test, parts(labels, seed=8).test)


def shares(found, labels):
    return [labels[rows].mean() for rows in (found.train, found.valid, found.test)]


def test_no_group_is_in_two_parts_and_classes_keep_their_shares():
    dice = np.random.default_rng(3)
    groups = dice.integers(0, 400, 4000)
    labels = (dice.random(4000) < np.where(groups % 3 == 0, 0.6, 0.1)).astype(np.float32)
    found = by_group(groups, labels, test_share=0.2, seed=7)
    held = [set(groups[rows]) for rows in (found.train, found.valid, found.test)]
    assert len(held[0] | held[1] | held[2]) == sum(map(len, held))
    assert [len(rows) for rows in (found.train, found.valid, found.test)] == pytest.approx([2400, 800, 800], abs=20)
    assert shares(found, labels) == pytest.approx([labels.mean()] * 3, abs=0.01)
    assert not np.array_equal(found.test, by_group(groups, labels, test_share=0.2, seed=8).test)


def test_very_many_groups_keep_shares_as_well():
    groups = np.random.default_rng(3).integers(0, 60_000, 100_000)
    labels = (groups % 7 == 0).astype(np.float32)
    found = by_group(groups, labels, test_share=0.2, seed=7)
    assert [len(rows) for rows in (found.train, found.valid, found.test)] == pytest.approx([6e4, 2e4, 2e4], rel=0.03)
    assert shares(found, labels) == pytest.approx([labels.mean()] * 3, abs=0.01)
    assert len({*groups[found.train]} & {*groups[found.test]}) == 0


def test_one_large_group_is_learnt_from():
    groups = np.array([0] * 600 + list(range(1, 401)))
    found = by_group(groups, np.zeros(1000, dtype=np.float32), test_share=0.2, seed=7)
    assert set(range(600)) <= set(found.train)
    assert (len(found.valid), len(found.test)) == (200, 200)


@pytest.mark.parametrize("many", [3, 4, 5])
def test_a_few_equal_groups_are_enough_for_three_parts(many):
    groups, labels = np.repeat(np.arange(many), 30), np.tile([0, 1], 15 * many).astype(np.float32)
    for seed in range(20):
        found = by_group(groups, labels, test_share=0.2, seed=seed)
        assert len(found.train) >= len(found.valid) > 0
        assert len(found.test) > 0


def test_by_time_the_newest_rows_judge_and_no_moment_is_in_two_parts():
    ranks = np.random.default_rng(3).integers(0, 50, 1000)
    found = by_time(ranks, test_share=0.2)
    assert ranks[found.train].max() < ranks[found.valid].min()
    assert ranks[found.valid].max() < ranks[found.test].min()
    assert len(found.test) == pytest.approx(200, abs=20)
    assert sorted([*found.train, *found.valid, *found.test]) == list(range(1000))


@pytest.mark.parametrize(
    ("column", "code"), [([1, 2] * 50, "few_times"), (["a", "b"] * 50, "not_a_time"), ([None] * 100, "few_times")]
)
def test_a_column_that_tells_no_time_is_refused(column, code):
    table = pl.DataFrame({"when": pl.Series(column, strict=False)})
    if column[0] is None:
        table = table.cast(pl.Float64)
    with pytest.raises(Untrainable) as refusal:
        cut_table(table, np.array([0, 1] * 50, dtype=np.float32), RunConfig("y", "binary", time="when"))
    assert refusal.value.code == code


def test_two_groups_are_too_few():
    with pytest.raises(Untrainable) as refusal:
        by_group(np.array([0, 1] * 50), np.zeros(100, dtype=np.float32), test_share=0.2, seed=7)
    assert refusal.value.code == "few_groups"


def test_rows_without_a_time_are_learnt_from_and_rows_without_a_group_stand_alone():
    labels = np.array([0, 1] * 50, dtype=np.float32)
    when = pl.Series("when", [None] * 30 + list(range(70)), dtype=pl.Int64)
    table = pl.DataFrame({"when": when, "who": pl.Series([None] * 97 + ["ada"] * 3, dtype=pl.String)})
    assert set(range(30)) <= set(cut_table(table, labels, RunConfig("y", "binary", time="when")).train)
    found = cut_table(table, labels, RunConfig("y", "binary", group="who"))
    assert len(found.test) == 30
    assert len({part for part in ("train", "valid", "test") if {97, 98, 99} & set(getattr(found, part))}) == 1


def test_a_class_that_only_the_newest_rows_have_is_refused():
    table, labels = pl.DataFrame({"when": range(200)}), np.array([0] * 180 + [1] * 20, dtype=np.float32)
    with pytest.raises(Untrainable) as refusal:
        cut_table(table, labels, RunConfig("y", "binary", time="when"))
    assert refusal.value.code == "class_missing_in_part"


def test_a_model_divided_by_time_is_judged_on_the_last_days_and_does_not_read_the_date(tmp_path):
    table = churn().with_columns(day=pl.Series([date(2025, 1, 1) + timedelta(days=n // 3) for n in range(600)]))
    found = learn(tmp_path, table, RunConfig("churn", "binary", threads=1, time="day"))
    assert found.report.divided == "time"
    assert "day" not in found.schema.names
    assert found.holdout["noise"].to_list() == table["noise"][-found.holdout.height :].to_list()
    assert {column.name: column.code for column in found.report.excluded} == {"day": "divides"}


@pytest.mark.parametrize("wish", [{"group": "nobody"}, {"time": "churn"}, {"group": "plan", "time": "noise"}])
def test_a_division_that_cannot_be_is_refused(tmp_path, wish):
    with pytest.raises(Untrainable) as refusal:
        learn(tmp_path, churn(), RunConfig("churn", "binary", threads=1, **wish))
    assert refusal.value.code == "bad_split"
