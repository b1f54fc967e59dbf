"""The shape of a pair of learning curves: where it was best, where it turned, how much it shakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.engine.own import name_in
from training.engine.report import Curves

Vector = NDArray[np.float64]

NAMES = {
    "auc": "AUC",
    "logloss": "log loss",
    "mlogloss": "log loss",
    "rmse": "RMSE",
    "mae": "mean absolute error",
    "merror": "error rate",
    "accuracy": "accuracy",
    "pr_auc": "precision-recall AUC",
    "f1": "F1",
    "macro_f1": "macro F1",
    "macro_recall": "macro recall",
    "macro_auc": "macro AUC",
    "brier": "Brier score",
    "ece": "calibration error",
    "r2": "R²",
    "median_ae": "median absolute error",
    "precision": "precision",
    "recall": "recall",
    "balanced_accuracy": "balanced accuracy",
    "mcc": "Matthews correlation",
    "kappa": "Cohen's kappa",
    "f2": "F2",
    "f05": "F0.5",
    "specificity": "specificity",
    "lift": "lift of the top tenth",
    "weighted_f1": "weighted F1",
    "top3": "top-3 accuracy",
    "mape": "mean absolute percentage error",
    "smape": "symmetric percentage error",
    "rmsle": "RMSE of logarithms",
    "p90_ae": "error that 9 of 10 rows stay within",
}


def named(metric: str) -> str:
    """The metric's name for people."""
    return NAMES.get(metric) or name_in(metric) or metric


# The metric that a sentence about progress shows, beside the loss that training goes by.
SHOWN = {"logloss": "auc"}


@dataclass(frozen=True)
class Shape:
    """Curves by place; `steps[place]` is the round. Losses are lower-is-better and may hold NaN.

    `best` is the place of the lowest validation loss. `live` marks a training that still runs.
    """

    steps: tuple[int, ...]
    primary: str
    valid: Vector
    train: Vector
    shown: str
    shown_values: Vector
    best: int
    live: bool
    max_rounds: int

    @classmethod
    def of(cls, curves: Curves, primary: str, *, live: bool, max_rounds: int) -> Shape:
        """Raises KeyError when the curves lack the primary loss of either part."""
        valid, train = _vector(curves, f"valid-{primary}"), _vector(curves, f"train-{primary}")
        shown = SHOWN.get(primary, primary)
        best = int(np.nanargmin(valid)) if np.isfinite(valid).any() else 0
        values = _vector(curves, f"valid-{shown}")
        return cls(curves.steps, primary, valid, train, shown, values, best, live, max_rounds)

    @property
    def lowest(self) -> float:
        return float(self.valid[self.best])

    @property
    def rise(self) -> float:
        """Prechelt's generalisation loss as a share: how far the last round lies above the best one."""
        return float(self.valid[-1] / self.lowest - 1) if self.lowest > 0 else 0.0

    @property
    def noise(self) -> float:
        """A sigma that outliers cannot move: 1.4826 MAD of the distance to the rolling median."""
        off = self.valid - rolling_median(self.valid)
        return float(1.4826 * np.median(np.abs(off - np.median(off))))

    def reached(self, share: float) -> int:
        """Place of the first round that has `share` of the whole gain in validation loss."""
        goal = self.valid[0] - share * (self.valid[0] - self.lowest)
        return int(np.argmax(self.valid <= goal))

    def onset(self) -> int | None:
        """Place from which validation stays worse than its best while training still improves."""
        margin = max(3 * self.noise, 0.01 * abs(self.lowest))
        fine = np.flatnonzero(rolling_median(self.valid) - self.lowest <= margin)
        first = max(self.best + 1, int(fine[-1]) + 1 if len(fine) else 0)
        if first >= len(self.valid) - 1 or not self.train[-1] < self.train[self.best]:
            return None
        return first


def rolling_median(values: Vector, width: int = 5) -> Vector:
    """Centred, ends repeated; same length as `values`."""
    padded = np.pad(values, width // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1))


def _vector(curves: Curves, name: str) -> Vector:
    return np.array([np.nan if value is None else value for value in curves.values[name]], dtype=np.float64)
