"""Choosing a target guesses its task and says why."""

import polars as pl
import pytest

from training.engine import Untrainable
from training.engine.target import guess_task, read_labels


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["Yes", "No", None] * 50, "binary"),
        ([0, 1] * 50, "binary"),
        ([1.5, 2.5] * 50, "binary"),
        (["a", "b", "c"] * 50, "multiclass"),
        ([1, 2, 3] * 50, "multiclass"),
        ([1.0, 2.0, 3.0, float("nan")] * 50, "multiclass"),
        ([0.5, 1.5, 2.5] * 50, "regression"),
        (list(range(150)), "regression"),
    ],
)
def test_the_task_follows_the_values(values, task):
    guess = guess_task(pl.Series("target", values, strict=False))
    assert guess.task == task
    assert guess.why.endswith(".")


def test_classes_come_with_their_rows_most_frequent_first():
    assert guess_task(pl.Series(["b"] * 3 + ["a"] * 7)).classes == (("a", 7), ("b", 3))


def test_one_value_is_no_target():
    with pytest.raises(Untrainable, match="two different values"):
        guess_task(pl.Series(["a", "a", None]))


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["Yes", "No"], ("No", "Yes")),
        (["true", "false"], ("false", "true")),
        ([1, 0], ("0", "1")),
        ([1.0, 0.0], ("0", "1")),
        ([True, False], ("False", "True")),
        (["yes", "zero"], ("zero", "yes")),
        (["b ", "a"], ("a", "b")),
    ],
)
def test_binary_classes_stand_in_natural_order(values, classes):
    assert read_labels(pl.Series("t", values * 50), "binary").classes == classes


def test_number_classes_are_ordered_by_size():
    assert read_labels(pl.Series("t", [10, 9, 2] * 50), "multiclass").classes == ("2", "9", "10")
