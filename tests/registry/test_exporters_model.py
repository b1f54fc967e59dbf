"""The decoded model answers like the booster it came from."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost as xgb

from registry.exporters.model import decode, finish, labels, margins, predict
from registry.exporters.trees import Unsupported
from tests.registry.boosters import kinds, trained

CASES = [
    pytest.param({"task": task, "onehot": onehot}, id=f"{task}-{'sets' if onehot == 4 else 'onehot'}")
    for task in ("binary", "multiclass", "regression")
    for onehot in (4, 1000)
]


@pytest.mark.parametrize("options", CASES)
def test_margins_equal_the_boosters_to_the_last_bit(options):
    made = trained(**options)
    says = made.booster_says(margins=True).reshape(len(made.matrix), -1)
    assert np.array_equal(margins(made.model, made.matrix), says)


@pytest.mark.parametrize("options", CASES)
def test_probabilities_and_predictions_follow_the_booster(options):
    made = trained(**options)
    answer = predict(made.model, made.holdout)
    np.testing.assert_allclose(answer, made.booster_probabilities(), rtol=1e-6, atol=1e-6)


def test_counts_are_predicted_through_their_log_link():
    made = trained("regression", objective="count:poisson", rounds=3)
    np.testing.assert_allclose(finish(made.model, margins(made.model, made.matrix)), made.booster_says(), rtol=1e-5)


def test_the_label_is_the_second_class_from_the_tuned_threshold_on():
    model = trained("binary", threshold=0.3).model
    shares = np.array([[0.7, 0.3], [0.70001, 0.29999], [0.4, 0.6]], np.float32)
    assert labels(model, shares).tolist() == [1, 0, 1]


def test_an_unseen_category_counts_as_missing():
    made = trained("binary")
    row = {name: [values[5]] for name, values in made.holdout.items()}
    unseen, missing = {**row, "région": ["Atlantis"]}, {**row, "région": [None]}
    assert np.array_equal(predict(made.model, unseen), predict(made.model, missing))


def test_the_self_test_rows_are_invented_and_answered():
    made = trained("multiclass")
    tests = made.model.selftest
    assert len(tests) == 20
    assert set(tests[-1].row.values()) == {None}
    assert tests == decode(made.native, made.schema).selftest
    assert all(abs(sum(test.outputs) - 1) < 1e-5 for test in tests)


def test_a_single_leaf_is_a_tree_too():
    made = trained("regression")
    data = xgb.DMatrix(made.matrix, label=np.arange(300.0), feature_types=kinds(made.schema), enable_categorical=True)
    stump = xgb.train({"objective": "reg:squarederror", "gamma": 1e12, "max_depth": 2}, data, 2)
    model = decode(bytes(stump.save_raw("ubj")), made.schema)
    assert np.array_equal(margins(model, made.matrix)[:, 0], stump.predict(data))


def test_a_booster_that_does_not_fit_its_schema_is_refused():
    with pytest.raises(Unsupported, match="The schema says reg:squarederror"):
        decode(trained("binary").native, trained("regression").schema)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"booster": "dart"}, "Only gbtree"),
        ({"objective": "binary:hinge"}, "binary:hinge cannot be exported"),
    ],
)
def test_kinds_of_boosters_that_cannot_be_exported_are_refused(parameters, message):
    made = trained("binary")
    data = xgb.DMatrix(made.matrix, label=np.arange(300) % 2, feature_types=kinds(made.schema), enable_categorical=True)
    booster = xgb.train({"objective": "binary:logistic", **parameters}, data, 2)
    with pytest.raises(Unsupported, match=message):
        decode(bytes(booster.save_raw("ubj")), made.schema)
