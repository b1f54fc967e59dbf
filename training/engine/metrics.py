"""Weighted metrics of predictions, so that a bootstrap resample is one vector of row counts.

Every function takes labels (rows,), predictions and weights (rows,). Probabilities have shape (rows,) for
the positive class of a binary task and (rows, classes) for a multiclass one. A metric that is not defined,
such as AUC with one class present, is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.engine import own
from training.engine.schema import ModelSchema, Task

Vector = NDArray[np.float64]
TINY = 1e-15
MAIN: dict[Task, str] = {"binary": "auc", "multiclass": "accuracy", "regression": "rmse"}
"""The metric that a model is first judged by."""
# Names of the metrics that are errors; of all others that are not a person's own, more is better.
LOWER_IS_BETTER = frozenset({
    "rmse", "mae", "median_ae", "logloss", "mlogloss", "brier", "ece", "merror", "mape", "smape", "rmsle", "p90_ae",
})  # fmt: skip


def lower_is_better(name: str) -> bool:
    return name in LOWER_IS_BETTER or own.lower_is_better(name)


def finite(value: float) -> float | None:
    """JSON knows no NaN and no infinity: they become null."""
    return value if math.isfinite(value) else None


def decide(schema: ModelSchema, probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Class codes for probabilities (rows, classes): by the threshold when binary, else the likeliest."""
    if schema.task == "binary" and schema.threshold is not None:
        return (probabilities[:, 1] >= np.float32(schema.threshold)).astype(np.int64)
    return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)


def auc(positive: NDArray[np.bool_], score: Vector, weights: Vector) -> float:
    """Area under the ROC curve, ties counted half (Mann-Whitney)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))
    ups = np.add.reduceat((weights * positive)[order], starts)
    downs = np.add.reduceat((weights * ~positive)[order], starts)
    pairs = ups.sum() * downs.sum()
    if pairs == 0:
        return float("nan")
    return float((ups * (np.cumsum(downs) - 0.5 * downs)).sum() / pairs)


def average_precision(positive: NDArray[np.bool_], score: Vector, weights: Vector) -> float:
    """Area under the precision-recall curve as a sum of steps."""
    hits, picked, _ = _cumulative(positive, score, weights)
    if hits[-1] == 0:
        return float("nan")
    precision = hits / np.maximum(picked, TINY)
    return float((np.diff(hits, prepend=0.0) * precision).sum() / hits[-1])


def log_loss(codes: NDArray[np.int64], probabilities: Vector, weights: Vector) -> float:
    chosen = np.clip(probabilities[np.arange(len(codes)), codes], TINY, 1)
    return float(np.average(-np.log(chosen), weights=weights))


def accuracy(codes: NDArray[np.int64], chosen: NDArray[np.int64], weights: Vector) -> float:
    return float(np.average(codes == chosen, weights=weights))


def confusion(codes: NDArray[np.int64], chosen: NDArray[np.int64], weights: Vector, classes: int) -> Vector:
    """Weight of rows of class i answered with class j, shape (classes, classes)."""
    counts = np.bincount(codes * classes + chosen, weights, minlength=classes * classes)
    return counts.astype(np.float64).reshape(classes, classes)


def precision_recall_f1(table: Vector) -> tuple[Vector, Vector, Vector]:
    """Per class, from a confusion table; 0 where a denominator is 0."""
    hits = np.diag(table)
    picked, actual = table.sum(axis=0), table.sum(axis=1)
    return _ratio(hits, picked), _ratio(hits, actual), _ratio(2 * hits, picked + actual)


def brier(positive: NDArray[np.bool_], score: Vector, weights: Vector) -> float:
    return float(np.average((score - positive) ** 2, weights=weights))


def calibration(correct: NDArray[np.bool_], score: Vector, bins: int = 15) -> list[tuple[float, float, int]]:
    """(mean predicted, observed share, rows) of equally filled bins, lowest predictions first."""
    order = np.argsort(score, kind="stable")
    parts = (part for part in np.array_split(order, bins) if len(part))
    return [(float(score[part].mean()), float(correct[part].mean()), len(part)) for part in parts]


def calibration_error(bins: list[tuple[float, float, int]]) -> float:
    """ECE: mean distance of predicted and observed over the bins, weighted by their rows."""
    rows = sum(count for _, _, count in bins)
    return sum(abs(predicted - observed) * count for predicted, observed, count in bins) / rows


def roc(positive: NDArray[np.bool_], score: Vector, limit: int = 200) -> list[tuple[float, float, float]]:
    """(false positive rate, true positive rate, threshold) at up to `limit` thresholds, highest first."""
    hits, picked, thresholds = _cumulative(positive, score, np.ones(len(score)))
    falls = picked - hits
    places = np.unique(np.linspace(0, len(hits) - 1, min(limit, len(hits))).astype(int))
    found = zip(falls[places] / max(falls[-1], 1), hits[places] / max(hits[-1], 1), thresholds[places], strict=True)
    return [(float(false), float(true), float(threshold)) for false, true, threshold in found]


def precision_recall(positive: NDArray[np.bool_], score: Vector, limit: int = 200) -> list[tuple[float, float, float]]:
    """(recall, precision, threshold) at up to `limit` thresholds, highest first; empty without a positive row."""
    hits, picked, thresholds = _cumulative(positive, score, np.ones(len(score)))
    if hits[-1] == 0:
        return []
    places = np.unique(np.linspace(0, len(hits) - 1, min(limit, len(hits))).astype(int))
    return [(float(hits[at] / hits[-1]), float(hits[at] / picked[at]), float(thresholds[at])) for at in places]


def best_threshold(positive: NDArray[np.bool_], score: NDArray[np.float32]) -> float:
    """The float32 threshold with the highest F1, half way to the next lower score."""
    hits, picked, thresholds = _cumulative(positive, score.astype(np.float64), np.ones(len(score)))
    place = int(np.argmax(2 * hits / (picked + hits[-1])))
    upper = np.float32(thresholds[place])
    lower = np.float32(thresholds[place + 1]) if place + 1 < len(thresholds) else np.float32(0)
    middle = np.float32((float(upper) + float(lower)) / 2)
    return float(middle if lower < middle <= upper else upper)


def rmse(actual: Vector, predicted: Vector, weights: Vector) -> float:
    return float(np.sqrt(np.average((actual - predicted) ** 2, weights=weights)))


def mae(actual: Vector, predicted: Vector, weights: Vector) -> float:
    return float(np.average(np.abs(actual - predicted), weights=weights))


def r2(actual: Vector, predicted: Vector, weights: Vector) -> float:
    """Share of the variance explained; NaN when there is none."""
    spread = np.average((actual - np.average(actual, weights=weights)) ** 2, weights=weights)
    if spread == 0:
        return float("nan")
    return float(1 - np.average((actual - predicted) ** 2, weights=weights) / spread)


def measure(
    task: Task, labels: Vector, predicted: Vector, chosen: NDArray[np.int64], weights: Vector
) -> dict[str, float]:
    """All metrics of a task. `predicted` is (rows, classes), or (rows, 1) for a regression."""
    return MEASURES[task](labels, predicted, chosen, weights)


def _binary(labels: Vector, predicted: Vector, chosen: NDArray[np.int64], weights: Vector) -> dict[str, float]:
    codes, positive, score = labels.astype(np.int64), labels > 0, predicted[:, 1]
    table = confusion(codes, chosen, weights, 2)
    precision, recall, f1 = (values[1] for values in precision_recall_f1(table))
    return {
        "auc": auc(positive, score, weights),
        "logloss": log_loss(codes, predicted, weights),
        "accuracy": accuracy(codes, chosen, weights),
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
        "pr_auc": average_precision(positive, score, weights),
        "brier": brier(positive, score, weights),
    }


def _multiclass(labels: Vector, predicted: Vector, chosen: NDArray[np.int64], weights: Vector) -> dict[str, float]:
    codes, classes = labels.astype(np.int64), predicted.shape[1]
    _, recall, f1 = precision_recall_f1(confusion(codes, chosen, weights, classes))
    areas = [auc(codes == code, predicted[:, code], weights) for code in range(classes)]
    return {
        "accuracy": accuracy(codes, chosen, weights),
        "mlogloss": log_loss(codes, predicted, weights),
        "macro_f1": float(f1.mean()),
        "macro_recall": float(recall.mean()),
        "macro_auc": float(np.nanmean(areas)) if not np.all(np.isnan(areas)) else float("nan"),
    }


def _regression(labels: Vector, predicted: Vector, chosen: NDArray[np.int64], weights: Vector) -> dict[str, float]:
    values = predicted[:, 0]
    return {
        "rmse": rmse(labels, values, weights),
        "mae": mae(labels, values, weights),
        "r2": r2(labels, values, weights),
    }


MEASURES: dict[Task, Callable[[Vector, Vector, NDArray[np.int64], Vector], dict[str, float]]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
}


def _cumulative(positive: NDArray[np.bool_], score: Vector, weights: Vector) -> tuple[Vector, Vector, Vector]:
    """Positives and rows at or above each distinct score, highest first, and those scores."""
    order = np.argsort(score, kind="stable")[::-1]
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits = np.cumsum((weights * positive)[order])[ends]
    return hits, np.cumsum(weights[order])[ends], score[order][ends]


def _ratio(part: Vector, whole: Vector) -> Vector:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
