"""Further metrics agree with scikit-learn's, and hold where nothing can be said."""

import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from tests.training.tables import churn, learn, prices, species
from training.engine import RunConfig, Untrainable
from training.engine.metrics import LOWER_IS_BETTER
from training.engine.scorers import MOST, SCORERS, Followed

DICE = np.random.default_rng(1)
ROWS = 300
WEIGHTS = DICE.integers(0, 3, ROWS).astype(float)
YES = (DICE.random(ROWS) < 0.3).astype(float)
SURE = np.clip(0.3 * YES + 0.7 * DICE.random(ROWS), 0, 1)
MANY = DICE.integers(0, 4, ROWS).astype(float)
SHARES = DICE.dirichlet(np.ones(4), ROWS)
PRICE = DICE.gamma(2.0, 50.0, ROWS)
GUESS = PRICE * DICE.normal(1, 0.2, ROWS)
TASKS = {
    "binary": (YES, np.column_stack([1 - SURE, SURE]), (SURE >= 0.5).astype(int)),
    "multiclass": (MANY, SHARES, SHARES.argmax(axis=1)),
    "regression": (PRICE, GUESS[:, None], np.zeros(ROWS, dtype=int)),
}


def recall_of_no(y, c, w):
    return oracle.recall_score(y, c, sample_weight=w, pos_label=0)


CLASSES = {
    "accuracy": oracle.accuracy_score, "balanced_accuracy": oracle.balanced_accuracy_score,
    "mcc": oracle.matthews_corrcoef, "kappa": oracle.cohen_kappa_score,
}  # fmt: skip
ORACLES = {
    ("binary", "f2"): lambda y, p, c, w: oracle.fbeta_score(y, c, beta=2, sample_weight=w),
    ("binary", "f05"): lambda y, p, c, w: oracle.fbeta_score(y, c, beta=0.5, sample_weight=w),
    ("binary", "specificity"): lambda y, p, c, w: recall_of_no(y, c, w),
    ("binary", "pr_auc"): lambda y, p, c, w: oracle.average_precision_score(y, p[:, 1], sample_weight=w),
    ("binary", "brier"): lambda y, p, c, w: oracle.brier_score_loss(y, p[:, 1], sample_weight=w),
    ("multiclass", "macro_f1"): lambda y, p, c, w: oracle.f1_score(y, c, average="macro", sample_weight=w),
    ("multiclass", "weighted_f1"): lambda y, p, c, w: oracle.f1_score(y, c, average="weighted", sample_weight=w),
    ("multiclass", "top3"): lambda y, p, c, w: oracle.top_k_accuracy_score(y, p, k=3, sample_weight=w),
    ("regression", "r2"): lambda y, p, c, w: oracle.r2_score(y, p[:, 0], sample_weight=w),
    ("regression", "mape"): lambda y, p, c, w: oracle.mean_absolute_percentage_error(y, p[:, 0], sample_weight=w),
    ("regression", "rmsle"): lambda y, p, c, w: oracle.root_mean_squared_log_error(y, p[:, 0], sample_weight=w),
    **{
        (task, name): lambda y, p, c, w, score=score: score(y, c, sample_weight=w)
        for task in ("binary", "multiclass")
        for name, score in CLASSES.items()
    },
}


@pytest.mark.parametrize(("task", "name"), ORACLES)
def test_a_further_metric_is_scikit_learns_with_and_without_weights(task, name):
    labels, predicted, chosen = TASKS[task]
    for weights in (np.ones(ROWS), WEIGHTS):
        expected = ORACLES[task, name](labels, predicted, chosen, weights)
        found = Followed(task, (name,)).measure(labels, predicted, chosen, weights)
        assert found[name] == pytest.approx(expected, abs=1e-9)


def test_metrics_that_scikit_learn_lacks_are_right_on_rows_that_can_be_counted():
    labels = np.array([1.0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    score = np.array([0.9, 0.1, 0.8, *[0.2] * 7])
    both, ones = np.column_stack([1 - score, score]), np.ones(10)
    assert SCORERS["lift"].measure(labels, both, (score > 0.5).astype(int), ones) == pytest.approx(5)
    wide = np.array([[0.0], [3.0]])
    assert SCORERS["smape"].measure(np.array([0.0, 1.0]), wide, np.zeros(2, int), np.ones(2)) == pytest.approx(0.5)
    tens = np.arange(10.0)[:, None]
    assert SCORERS["p90_ae"].measure(np.zeros(10), tens, np.zeros(10, int), ones) == 8


def test_a_metric_that_is_not_defined_is_not_a_number():
    zeros, none = np.zeros(3), np.zeros(3, int)
    assert math.isnan(SCORERS["mape"].measure(zeros, np.ones((3, 1)), none, np.ones(3)))
    assert math.isnan(SCORERS["rmsle"].measure(zeros - 1, np.ones((3, 1)), none, np.ones(3)))
    assert math.isnan(SCORERS["lift"].measure(zeros, np.full((3, 2), 0.5), none, np.ones(3)))
    assert SCORERS["mcc"].measure(zeros, np.full((3, 2), 0.5), none, np.ones(3)) == 0


@pytest.mark.parametrize(
    ("names", "task"),
    [(["lift"], "regression"), (["__import__"], "binary"), ([*list(SCORERS)[:4], "f2", "lift"], "binary")],
)
def test_a_metric_that_cannot_be_followed_is_refused(names, task):
    with pytest.raises(Untrainable) as refusal:
        Followed(task, tuple(names)).check()
    assert refusal.value.code == "bad_metric"
    assert len(names) in (1, MOST + 1)


@pytest.mark.parametrize(
    ("make", "target", "task"),
    [(churn, "churn", "binary"), (species, "species", "multiclass"), (prices, "price", "regression")],
)
def test_what_is_followed_is_in_every_round_and_among_the_test_metrics(tmp_path, make, target, task):
    names = tuple(name for name, scorer in SCORERS.items() if task in scorer.tasks)
    plain = learn(tmp_path, make(), RunConfig(target, task, threads=1, parameters={"n_estimators": 8}))
    for some in (names[:MOST], names[MOST:]):
        asked = RunConfig(target, task, threads=1, parameters={"n_estimators": 8}, metrics=some)
        found = learn(tmp_path, make(), asked)
        for name in some:
            curve = found.report.curves.values[f"valid-{name}"]
            assert len(curve) == 8
            assert all(value is not None for value in curve)
            score = found.report.test[name]
            assert (score.value < score.baseline) == (name in LOWER_IS_BETTER) or name == "specificity"
        assert found.native == plain.native
