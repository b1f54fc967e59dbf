"""Further metrics that a person may follow: a table of them, and what the person wrote as a formula.

Each of the table takes what metrics.py takes: labels (rows,), predictions (rows, classes) or (rows, 1), the chosen
classes (rows,) and weights (rows,). NaN stands for a metric that is not defined on these rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from training.engine import formulas, metrics
from training.engine.config import RunConfig
from training.engine.errors import Untrainable
from training.engine.formulas import FormulaError
from training.engine.metrics import TINY, Vector
from training.engine.own import LONGEST_NAME, Better, OwnMetric, is_name
from training.engine.schema import Task

Codes = NDArray[np.int64]
Measure = Callable[[Vector, Vector, Codes, Vector], float]
MOST, MOST_OWN = 5, 3  # metrics of one run, and of a person's own among them: each costs time in every round


@dataclass(frozen=True)
class Scorer:
    """A metric and the tasks that it fits."""

    tasks: tuple[Task, ...]
    measure: Measure


@dataclass(frozen=True)
class Followed:
    """What a run follows beside its task's own metrics: names of SCORERS, and metrics that a person wrote."""

    task: Task
    names: tuple[str, ...] = ()
    own: tuple[OwnMetric, ...] = ()

    @classmethod
    def of(cls, config: RunConfig) -> Followed:
        return cls(config.task, config.metrics, config.own)

    def __bool__(self) -> bool:
        return bool(self.names or self.own)

    def check(self) -> None:
        """Raise Untrainable for a metric that is unknown, does not fit the task, cannot be read or is too many."""
        for name in self.names:
            if name not in SCORERS or self.task not in SCORERS[name].tasks:
                known = ", ".join(sorted(key for key, scorer in SCORERS.items() if self.task in scorer.tasks))
                raise Untrainable("bad_metric", f"“{name}” is no metric of this task. Choose from: {known}.")
        for each in self.own:
            self._check_own(each)
        if len({each.name for each in self.own}) < len(self.own):
            raise Untrainable("bad_formula", "Two of your metrics have the same name. Rename one.")
        if len(self.own) > MOST_OWN:
            raise Untrainable("bad_formula", f"At most {MOST_OWN} metrics can be your own. Take some away.")
        if len(self.names) + len(self.own) > MOST:
            raise Untrainable("bad_metric", f"At most {MOST} further metrics can be followed. Take some away.")

    def _check_own(self, metric: OwnMetric) -> None:
        if not is_name(metric.name):
            rule = f"Use 1 to {LONGEST_NAME} letters, digits, spaces and hyphens"
            raise Untrainable("bad_formula", f"“{metric.name}” cannot be the name of a metric. {rule}.")
        if metric.better not in get_args(Better):
            raise Untrainable("bad_formula", f"Say of “{metric.name}” whether lower or higher is better.")
        try:
            formulas.read(metric.formula, self.task)
        except FormulaError as error:
            raise Untrainable("bad_formula", f"{metric.name}: {error}") from None

    def score(self, labels: NDArray[np.float32], answers: NDArray[np.float32]) -> dict[str, float]:
        """Every followed metric by its key, of labels (rows,) and what XGBoost answers: (rows,) or (rows, classes)."""
        return self.measure(*self._read(labels, answers), np.ones(len(labels)))

    def faults_of(self, labels: NDArray[np.float32], answers: NDArray[np.float32]) -> dict[str, str]:
        """`faults` of what XGBoost answers; see `score`."""
        return self.faults(*self._read(labels, answers))

    def _read(self, labels: NDArray[np.float32], answers: NDArray[np.float32]) -> tuple[Vector, Vector, Codes]:
        found = np.asarray(answers, dtype=np.float64).reshape(len(labels), -1)
        if self.task == "binary":
            found = np.column_stack([1 - found, found])
        return labels.astype(np.float64), found, np.asarray(found.argmax(axis=1), dtype=np.int64)

    def measure(self, labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> dict[str, float]:
        """Every followed metric by its key. Weights count how often a row is there."""
        found = {name: SCORERS[name].measure(labels, predicted, chosen, weights) for name in self.names}
        columns = self._columns(labels, predicted, chosen, weights) if self.own else {}
        return found | {each.key: formulas.read(each.formula, self.task).value(columns) for each in self.own}

    def faults(self, labels: Vector, predicted: Vector, chosen: Codes) -> dict[str, str]:
        """Why metrics that a person wrote have no value on these rows, in a sentence, by key."""
        columns = self._columns(labels, predicted, chosen, np.ones(len(labels))) if self.own else {}
        found = {each.key: formulas.read(each.formula, self.task).fault(columns) for each in self.own}
        return {key: fault for key, fault in found.items() if fault}

    def _columns(self, labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> dict[str, Vector]:
        """What a formula reads; see formulas.COLUMNS. A row that counts twice is there twice."""
        if np.any(weights != 1):
            rows = np.repeat(np.arange(len(labels)), weights.astype(np.int64))
            labels, predicted, chosen = labels[rows], predicted[rows], chosen[rows]
        if self.task == "regression":
            return {"y": labels, "p": predicted[:, 0]}
        found = {
            "y": labels,
            "p_true": predicted[np.arange(len(labels)), labels.astype(np.int64)],
            "answer": chosen.astype(np.float64),
            "hit": (chosen == labels).astype(np.float64),
        }
        return {**found, "p": predicted[:, 1]} if self.task == "binary" else found


def _table(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> Vector:
    return metrics.confusion(labels.astype(np.int64), chosen, weights, predicted.shape[1])


def accuracy(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    return metrics.accuracy(labels.astype(np.int64), chosen, weights)


def balanced_accuracy(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Recall averaged over classes."""
    return float(metrics.precision_recall_f1(_table(labels, predicted, chosen, weights))[1].mean())


def macro_f1(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    return float(metrics.precision_recall_f1(_table(labels, predicted, chosen, weights))[2].mean())


def weighted_f1(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """F1 averaged over classes by their rows."""
    table = _table(labels, predicted, chosen, weights)
    return float(np.average(metrics.precision_recall_f1(table)[2], weights=table.sum(axis=1)))


def fbeta(beta: float) -> Measure:
    """F-beta of the positive class (van Rijsbergen 1979): recall counts beta times as much as precision."""

    def score(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
        table = _table(labels, predicted, chosen, weights)
        hits, missed, alarms = table[1, 1], table[1, 0], table[0, 1]
        whole = (1 + beta**2) * hits + beta**2 * missed + alarms
        return float((1 + beta**2) * hits / whole) if whole else 0.0

    return score


def specificity(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Share of negative rows that were answered negative."""
    table = _table(labels, predicted, chosen, weights)
    return float(table[0, 0] / table[0].sum()) if table[0].sum() else float("nan")


def mcc(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Matthews correlation, for any number of classes (Gorodkin 2004); 0 when one side never varies."""
    table = _table(labels, predicted, chosen, weights)
    actual, picked, rows = table.sum(axis=1), table.sum(axis=0), table.sum()
    spread = (rows**2 - picked @ picked) * (rows**2 - actual @ actual)
    return float((np.trace(table) * rows - actual @ picked) / np.sqrt(spread)) if spread > 0 else 0.0


def kappa(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Cohen's kappa: agreement beyond chance."""
    table = _table(labels, predicted, chosen, weights)
    rows = table.sum()
    chance = float(table.sum(axis=1) @ table.sum(axis=0)) / rows**2
    return float((np.trace(table) / rows - chance) / (1 - chance)) if chance < 1 else 0.0


def pr_auc(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    return metrics.average_precision(labels > 0, predicted[:, 1], weights)


def brier(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    return metrics.brier(labels > 0, predicted[:, 1], weights)


def lift(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Share of positives among the tenth of rows with the highest scores, over their share among all."""
    order = np.argsort(predicted[:, 1], kind="stable")[::-1]
    taken, positive = weights[order], (labels > 0)[order]
    room = np.clip(0.1 * taken.sum() - (np.cumsum(taken) - taken), 0, taken)
    base = float(taken @ positive) / taken.sum()
    return float((room @ positive) / room.sum() / base) if base else float("nan")


def top3(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """How often the right class is among the three likeliest."""
    right = predicted[np.arange(len(labels)), labels.astype(np.int64)]
    return float(np.average((predicted > right[:, None]).sum(axis=1) < 3, weights=weights))


def r2(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    return metrics.r2(labels, predicted[:, 0], weights)


def mape(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Mean absolute error as a share of the actual value, over rows whose actual value is not 0."""
    known = (labels != 0) & (weights > 0)
    if not known.any():
        return float("nan")
    return float(np.average(np.abs(predicted[known, 0] / labels[known] - 1), weights=weights[known]))


def smape(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Mean absolute error over the mean of both magnitudes, 0 to 2; rows with both 0 count as right."""
    values = predicted[:, 0]
    return float(
        np.average(2 * np.abs(values - labels) / np.maximum(np.abs(values) + np.abs(labels), TINY), weights=weights)
    )


def rmsle(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """Root mean squared error of log(1 + value); answers below 0 count as 0, and NaN when a label is below 0."""
    if labels.min() < 0:
        return float("nan")
    return metrics.rmse(np.log1p(labels), np.log1p(np.maximum(predicted[:, 0], 0)), weights)


def p90_ae(labels: Vector, predicted: Vector, chosen: Codes, weights: Vector) -> float:
    """The absolute error that nine of ten rows stay within."""
    errors = np.abs(labels - predicted[:, 0])
    order = np.argsort(errors, kind="stable")
    reached = np.searchsorted(np.cumsum(weights[order]), 0.9 * weights.sum())
    return float(errors[order][min(int(reached), len(errors) - 1)])


BINARY: tuple[Task, ...] = ("binary",)
CLASSES: tuple[Task, ...] = ("binary", "multiclass")
MANY: tuple[Task, ...] = ("multiclass",)
NUMBER: tuple[Task, ...] = ("regression",)

SCORERS: dict[str, Scorer] = {
    "accuracy": Scorer(CLASSES, accuracy),
    "balanced_accuracy": Scorer(CLASSES, balanced_accuracy),
    "mcc": Scorer(CLASSES, mcc),
    "kappa": Scorer(CLASSES, kappa),
    "f2": Scorer(BINARY, fbeta(2.0)),
    "f05": Scorer(BINARY, fbeta(0.5)),
    "specificity": Scorer(BINARY, specificity),
    "pr_auc": Scorer(BINARY, pr_auc),
    "brier": Scorer(BINARY, brier),
    "lift": Scorer(BINARY, lift),
    "macro_f1": Scorer(MANY, macro_f1),
    "weighted_f1": Scorer(MANY, weighted_f1),
    "top3": Scorer(MANY, top3),
    "r2": Scorer(NUMBER, r2),
    "mape": Scorer(NUMBER, mape),
    "smape": Scorer(NUMBER, smape),
    "rmsle": Scorer(NUMBER, rmsle),
    "p90_ae": Scorer(NUMBER, p90_ae),
}
