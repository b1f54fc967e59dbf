"""Judging a finished model on the rows it never saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.engine import metrics
from training.engine.matrices import Part
from training.engine.metrics import decide
from training.engine.predict import Model
from training.engine.report import CalibrationBin, PrecisionRecall, Residuals, RocPoint, Score
from training.engine.schema import ModelSchema, Task
from training.engine.scorers import Followed

RESAMPLES = 200


@dataclass(frozen=True)
class Verdict:
    """All that the test rows say."""

    scores: dict[str, Score]
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[CalibrationBin, ...]
    roc: tuple[RocPoint, ...]
    precision_recall: tuple[PrecisionRecall, ...]
    residuals: Residuals | None
    unavailable: dict[str, str]


def evaluate(model: Model, test: Part, *, prior: NDArray[np.float64], seed: int, followed: Followed) -> Verdict:
    """The task's metrics and `followed` ones with intervals and baselines, and the tables behind the charts.

    `prior` is what a model without columns would always answer: class shares (classes,) or the mean (1,).
    """
    schema = model.schema
    predicted = model.predict(test.matrix)
    chosen = decide(schema, predicted)
    labels, wide = test.labels.astype(np.float64), predicted.astype(np.float64)
    bins = _bins(schema, labels, wide, chosen)
    scores = _scores(schema.task, labels, wide, chosen, prior=prior, seed=seed, followed=followed)
    if bins:
        scores["ece"] = Score(metrics.calibration_error(bins))
    if schema.task == "regression":
        scores["median_ae"] = Score(float(np.median(np.abs(labels - wide[:, 0]))))
    return Verdict(
        scores=scores,
        confusion=_confusion(schema, labels, chosen),
        calibration=tuple(CalibrationBin(*values) for values in bins),
        roc=_roc(schema, labels, wide),
        precision_recall=_precision_recall(schema, labels, wide),
        residuals=_residuals(labels - wide[:, 0]) if schema.task == "regression" else None,
        unavailable=followed.faults(labels, wide, chosen),
    )


def prior_of(labels: Sequence[NDArray[np.float32]], schema: ModelSchema) -> NDArray[np.float64]:
    """Class shares, or the mean, of the rows that were learnt from."""
    values = np.concatenate(labels).astype(np.float64)
    if schema.task == "regression":
        return np.array([values.mean()])
    return np.bincount(values.astype(np.int64), minlength=len(schema.classes)) / len(values)


def tuned_threshold(model: Model, valid: Part) -> float | None:
    """The threshold with the highest F1 on the validation rows; None unless the task is binary."""
    if model.schema.task != "binary":
        return None
    return metrics.best_threshold(valid.labels > 0, model.predict(valid.matrix)[:, 1])


def _scores(
    task: Task,
    labels: NDArray[np.float64],
    predicted: NDArray[np.float64],
    chosen: NDArray[np.int64],
    *,
    prior: NDArray[np.float64],
    seed: int,
    followed: Followed,
) -> dict[str, Score]:
    def measure(
        found: NDArray[np.float64], answers: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> dict[str, float]:
        own = metrics.measure(task, labels, found, answers, weights)
        return followed.measure(labels, found, answers, weights) | own

    # Sorted once, so that the sorting in every resample finds its work done.
    order = np.argsort(predicted[:, -1], kind="stable")
    labels, predicted, chosen = labels[order], predicted[order], chosen[order]
    rows = len(labels)
    whole = measure(predicted, chosen, np.ones(rows))
    dummy = np.broadcast_to(prior, (rows, len(prior)))
    always = np.full(rows, int(prior.argmax()))
    baseline = measure(dummy, always, np.ones(rows))
    generator = np.random.default_rng(seed)
    draws = (np.bincount(generator.integers(0, rows, rows), minlength=rows) for _ in range(RESAMPLES))
    spread = [measure(predicted, chosen, draw.astype(np.float64)) for draw in draws]
    return {
        name: Score(value, *_interval([draw[name] for draw in spread]), metrics.finite(baseline[name]))
        for name, value in whole.items()
        if math.isfinite(value)
    }


def _interval(values: list[float]) -> tuple[float | None, float | None]:
    """Percentile bootstrap, 95 %."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None, None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def _bins(
    schema: ModelSchema,
    labels: NDArray[np.float64],
    predicted: NDArray[np.float64],
    chosen: NDArray[np.int64],
) -> list[tuple[float, float, int]]:
    """Calibration of the positive class when binary, of the answered class when there are more."""
    if schema.task == "binary":
        return metrics.calibration(labels > 0, predicted[:, 1])
    if schema.task == "multiclass":
        return metrics.calibration(labels == chosen, predicted.max(axis=1))
    return []


def _confusion(
    schema: ModelSchema, labels: NDArray[np.float64], chosen: NDArray[np.int64]
) -> tuple[tuple[int, ...], ...]:
    if schema.task == "regression":
        return ()
    table = metrics.confusion(labels.astype(np.int64), chosen, np.ones(len(labels)), len(schema.classes))
    return tuple(tuple(int(count) for count in row) for row in table)


def _roc(schema: ModelSchema, labels: NDArray[np.float64], predicted: NDArray[np.float64]) -> tuple[RocPoint, ...]:
    if schema.task != "binary":
        return ()
    return tuple(RocPoint(*point) for point in metrics.roc(labels > 0, predicted[:, 1]))


def _precision_recall(
    schema: ModelSchema, labels: NDArray[np.float64], predicted: NDArray[np.float64]
) -> tuple[PrecisionRecall, ...]:
    if schema.task != "binary":
        return ()
    return tuple(PrecisionRecall(*point) for point in metrics.precision_recall(labels > 0, predicted[:, 1]))


def _residuals(values: NDArray[np.float64]) -> Residuals:
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    counts, edges = np.histogram(values, bins=20)
    return Residuals(
        mean=float(values.mean()),
        quantiles={str(share): float(np.quantile(values, share)) for share in shares},
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(count) for count in counts),
    )
