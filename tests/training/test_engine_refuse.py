"""A table that cannot be learnt from is refused with the reason and a way out."""

import polars as pl
import pytest

from tests.training.tables import churn, learn
from training.engine import RunConfig, Untrainable


def refusal(tmp_path, table, **settings):
    with pytest.raises(Untrainable) as raised:
        learn(tmp_path, table, RunConfig(**{"target": "churn", "task": "binary", **settings}))
    return raised.value


def relabelled(labels):
    return churn(len(labels)).with_columns(pl.Series("churn", labels))


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (["a"] * 100, "one_class"),
        (["a"] * 96 + ["b"] * 4, "tiny_class"),
        (["a"] * 30 + ["b"] * 19 + [None] * 51, "too_few_rows"),
        (["a", "b", "c", "d"] * 25, "too_many_classes"),
        ([None] * 100, "too_few_rows"),
    ],
)
def test_a_target_that_does_not_suit_a_yes_or_no_task(tmp_path, labels, code):
    assert refusal(tmp_path, relabelled(labels)).code == code


def test_a_tiny_class_is_named_with_its_rows(tmp_path):
    found = refusal(tmp_path, relabelled(["a"] * 96 + ["b"] * 4))
    assert "“b” (4)" in found.message


def test_more_than_a_hundred_classes_are_too_many(tmp_path):
    table = relabelled([str(row % 101) for row in range(1010)])
    assert refusal(tmp_path, table, task="multiclass").code == "too_many_classes"


def test_text_is_no_target_for_a_regression(tmp_path):
    assert refusal(tmp_path, churn(), task="regression").code == "target_not_numeric"


def test_a_missing_target_column(tmp_path):
    assert refusal(tmp_path, churn(), target="gone").code == "target_missing"


def test_no_column_left_to_learn_from(tmp_path):
    assert refusal(tmp_path, churn(), exclude=("months", "plan", "noise")).code == "no_features"


@pytest.mark.parametrize("value", [float("inf"), 1e39])
def test_an_infinite_number_names_its_column(tmp_path, value):
    table = churn().with_columns(pl.when(pl.int_range(600) == 5).then(value).otherwise(pl.col("noise")).alias("noise"))
    found = refusal(tmp_path, table)
    assert found.code == "infinite_number"
    assert "“noise”" in found.message
