"""The data of one candidate, binned on this machine, and the boosting of trees on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.engine.errors import Untrainable
from training.engine.learner import xgb
from training.engine.recipes import Candidate
from training.engine.schema import ModelSchema
from training.engine.scorers import Followed

if TYPE_CHECKING:
    from training.engine.boost import Watch

CURVE_ROWS = 50_000
MAX_BIN = 256


@dataclass(frozen=True)
class Part:
    """A matrix (rows, columns) of float32 with its labels (rows,)."""

    matrix: NDArray[np.float32]
    labels: NDArray[np.float32]


@dataclass(frozen=True)
class Data:
    """What a candidate learns from (`train`) and stops by (`valid`)."""

    train: Part
    valid: Part


def binning(schema: ModelSchema, candidate: Candidate) -> dict[str, Any]:
    """How the columns of a candidate are binned, wherever its trees grow."""
    return {
        "feature_types": schema.feature_types,
        "enable_categorical": True,
        "max_bin": int(candidate.parameters.get("max_bin", MAX_BIN)),
    }


def curve_sample(train: Part) -> Part:
    """The training rows that the curve is measured on: all of them, or a fixed sample of CURVE_ROWS."""
    rows = len(train.labels)
    if rows <= CURVE_ROWS:
        return train
    chosen = np.sort(np.random.default_rng(0).choice(rows, CURVE_ROWS, replace=False))
    return Part(train.matrix[chosen], train.labels[chosen])


@dataclass(frozen=True)
class Matrices:
    """Binned data of one candidate. `curve` is a fixed sample of the training rows, at most CURVE_ROWS."""

    train: xgb.QuantileDMatrix
    valid: xgb.QuantileDMatrix
    curve: xgb.QuantileDMatrix
    curve_labels: NDArray[np.float32]

    @classmethod
    def build(cls, data: Data, schema: ModelSchema, candidate: Candidate, threads: int) -> Matrices:
        options = {**binning(schema, candidate), "nthread": threads}
        train = xgb.QuantileDMatrix(data.train.matrix, data.train.labels, **options)
        valid = xgb.QuantileDMatrix(data.valid.matrix, data.valid.labels, ref=train, **options)
        sample = curve_sample(data.train)
        if sample is data.train:
            return cls(train, valid, train, data.train.labels)
        curve = xgb.QuantileDMatrix(sample.matrix, sample.labels, ref=train, **options)
        return cls(train, valid, curve, sample.labels)

    def boost(self, parameters: Mapping[str, Any], rounds: int, native: bytes, watch: Watch) -> bytes:
        """See Ground."""
        with refused():
            booster = xgb.train(
                dict(parameters),
                self.train,
                rounds,
                evals=self.watched(watch.task),
                xgb_model=bytearray(native) if native else None,
                callbacks=[Ear(watch, self)],
                verbose_eval=False,
            )
        return bytes(booster.save_raw("ubj"))

    def watched(self, task: str) -> list[tuple[xgb.DMatrix, str]]:
        """XGBoost gives every set every metric, and AUC on training rows costs more than the training."""
        if task == "binary":
            return [(self.valid, "valid")]
        return [(self.curve, "train"), (self.valid, "valid")]


class Ear(xgb.callback.TrainingCallback):
    """Hears each round on this machine and measures what XGBoost does not."""

    def __init__(self, watch: Watch, matrices: Matrices) -> None:
        super().__init__()
        self.watch, self.matrices = watch, matrices

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: Mapping[str, Any]) -> bool:
        self.watch.note(dict(self._metrics(model, evals_log)))
        return self.watch.done

    def _metrics(self, model: xgb.Booster, evals_log: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
        if self.watch.task == "binary":
            yield "train-logloss", _logloss(self.matrices.curve_labels, model.predict(self.matrices.curve))
        for part, metrics in evals_log.items():
            for name, values in metrics.items():
                yield f"{part}-{name}", float(values[-1])
        if followed := self.watch.trainer.followed:
            for name, value in self._followed(model, followed).items():
                yield f"valid-{name}", value

    def _followed(self, model: xgb.Booster, followed: Followed) -> dict[str, float]:
        """XGBoost remembers its answers for the validation rows, so asking again costs little."""
        labels, answers = self.watch.data.valid.labels, model.predict(self.matrices.valid)
        if self.watch.is_first:
            self.watch.warn(followed.faults_of(labels, answers))
        return followed.score(labels, answers)


@contextmanager
def refused() -> Iterator[None]:
    """What XGBoost refuses is a setting that a person can change."""
    try:
        yield
    except xgb.core.XGBoostError as error:
        raise Untrainable("bad_parameter", f"XGBoost refused the settings: {_reason(error)}") from error


def _logloss(labels: NDArray[np.float32], positive: NDArray[np.float32]) -> float:
    """Mean of -log p(label). The bound is that of XGBoost's logloss, so that curves compare."""
    chosen = np.where(labels > 0, positive, 1 - positive)
    return float(-np.log(np.maximum(chosen, 1e-16), dtype=np.float64).mean())


def _reason(error: Exception) -> str:
    """The line of a native error that speaks of the setting, without the stack."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith(("Stack", "  ["))]
    return lines[-1].split("] ")[-1].strip() if lines else "no reason given"
