"""Our weighted metrics against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from training.engine import metrics

ROWS = 400


@pytest.fixture
def binary():
    generator = np.random.default_rng(1)
    actual = generator.random(ROWS) < 0.3
    score = np.round(np.clip(0.3 * actual + generator.random(ROWS) * 0.7, 0, 1), 2)
    return actual, score, generator.integers(0, 4, ROWS).astype(float)


def test_areas_agree_with_ties_and_weights(binary):
    actual, score, weights = binary
    assert metrics.auc(actual, score, weights) == pytest.approx(
        oracle.roc_auc_score(actual, score, sample_weight=weights)
    )
    assert metrics.average_precision(actual, score, weights) == pytest.approx(
        oracle.average_precision_score(actual, score, sample_weight=weights)
    )


def test_a_binary_task_is_measured_as_scikit_learn_does(binary):
    actual, score, weights = binary
    chosen = (score >= 0.5).astype(np.int64)
    wide = np.column_stack([1 - score, score])
    found = metrics.measure("binary", actual.astype(float), wide, chosen, weights)
    options = {"sample_weight": weights}
    assert found["f1"] == pytest.approx(oracle.f1_score(actual, chosen, **options))
    assert found["precision"] == pytest.approx(oracle.precision_score(actual, chosen, **options))
    assert found["recall"] == pytest.approx(oracle.recall_score(actual, chosen, **options))
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(actual, chosen, **options))
    assert found["brier"] == pytest.approx(oracle.brier_score_loss(actual, score, **options))
    assert found["logloss"] == pytest.approx(oracle.log_loss(actual, np.clip(wide, 1e-15, 1), **options), rel=1e-6)


def test_a_multiclass_task_is_measured_as_scikit_learn_does():
    generator = np.random.default_rng(2)
    actual = generator.integers(0, 4, ROWS)
    wide = generator.dirichlet(np.ones(4), ROWS)
    chosen = wide.argmax(axis=1)
    found = metrics.measure("multiclass", actual.astype(float), wide, chosen, np.ones(ROWS))
    assert found["macro_f1"] == pytest.approx(oracle.f1_score(actual, chosen, average="macro"))
    assert found["mlogloss"] == pytest.approx(oracle.log_loss(actual, wide))
    assert found["macro_auc"] == pytest.approx(oracle.roc_auc_score(actual, wide, multi_class="ovr"))


def test_a_regression_is_measured_as_scikit_learn_does():
    generator = np.random.default_rng(3)
    actual, weights = generator.normal(size=ROWS), generator.integers(0, 3, ROWS).astype(float)
    guessed = actual + generator.normal(size=ROWS)
    found = metrics.measure("regression", actual, guessed[:, None], np.zeros(ROWS, dtype=np.int64), weights)
    assert found["r2"] == pytest.approx(oracle.r2_score(actual, guessed, sample_weight=weights))
    assert found["rmse"] == pytest.approx(oracle.root_mean_squared_error(actual, guessed, sample_weight=weights))
    assert found["mae"] == pytest.approx(oracle.mean_absolute_error(actual, guessed, sample_weight=weights))


def test_one_class_alone_has_no_area():
    assert np.isnan(metrics.auc(np.ones(5, dtype=bool), np.arange(5.0), np.ones(5)))


def test_no_other_threshold_has_a_higher_f1(binary):
    actual, score, _ = binary
    found = metrics.best_threshold(actual, score.astype(np.float32))
    chosen = oracle.f1_score(actual, score.astype(np.float32) >= np.float32(found))
    assert chosen == pytest.approx(max(oracle.f1_score(actual, score >= at) for at in np.unique(score)))
    assert found not in score.astype(np.float32)


def test_the_roc_curve_is_short_and_spans_both_corners(binary):
    actual, score, _ = binary
    points = metrics.roc(actual, score + np.linspace(0, 1e-4, ROWS))
    assert len(points) <= 200
    assert points[-1][:2] == (1.0, 1.0)
    area = np.trapezoid([0.0, *(p[1] for p in points)], [0.0, *(p[0] for p in points)])
    assert area == pytest.approx(metrics.auc(actual, score, np.ones(ROWS)), abs=0.01)


def test_perfect_calibration_has_no_error_and_a_constant_shift_has_its_size():
    score = np.repeat(np.linspace(0, 1, 11), 100)
    actual = np.concatenate([np.arange(100) < 100 * p for p in np.linspace(0, 1, 11)])
    assert metrics.calibration_error(metrics.calibration(actual, score, 11)) == pytest.approx(0, abs=0.011)
    assert metrics.calibration_error([(0.5, 0.3, 10), (0.7, 0.5, 30)]) == pytest.approx(0.2)
