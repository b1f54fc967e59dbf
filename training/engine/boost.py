"""Boosting in segments, so that a resumed training ends in the very bytes of an uninterrupted one.

XGBoost keeps neither its random state nor early stopping in a model file. Every run is therefore cut into the
same segments; each starts from the model's bytes with a seed of its own, whether or not it was interrupted.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from training.engine import crossed, scorers
from training.engine.checkpoint import Progress, State, Winner, pack, unpack
from training.engine.errors import Cancelled, Untrainable
from training.engine.observer import Checkpoints, Observer, RoundPoint
from training.engine.recipes import METRICS, ONE_HOT_UP_TO, Candidate, patience
from training.engine.report import CandidateResult
from training.engine.schema import ModelSchema

SEGMENT = 50
CHECKPOINT_SECONDS = 10.0
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


@dataclass(frozen=True)
class Fit:
    """The chosen booster, cut at its best round, as UBJ bytes without column names."""

    native: bytes
    candidate: Candidate
    progress: Progress
    results: tuple[CandidateResult, ...]


class Ground(Protocol):
    """Where the trees of one candidate grow: on this machine (Matrices) or on a cluster (cluster.Spread)."""

    def boost(self, parameters: Mapping[str, Any], rounds: int, native: bytes, watch: Watch) -> bytes:
        """Add at most `rounds` rounds to the booster `native` (UBJ; empty: a new one), as long as `watch` wants more.

        Returns the booster with exactly the rounds that `watch` noted. Raises Untrainable and Cancelled.
        """
        ...


Lay = Callable[[Data, ModelSchema, Candidate, int], Ground]
"""Lays out the data of a candidate: (data, schema, candidate, threads)."""


def segment_end(start: int, limit: int) -> int:
    """Where the segment that starts at round `start` ends: 50 rounds on, growing to a quarter of `start`.

    Each segment first applies all earlier trees to the data again; with growing segments that stays below
    five extra applications per tree instead of rising with their number.
    """
    return min(limit, start + SEGMENT * max(1, start // (4 * SEGMENT)))


def fit(
    *,
    data: Data,
    schema: ModelSchema,
    candidates: tuple[Candidate, ...],
    seed: int,
    threads: int,
    observer: Observer,
    checkpoints: Checkpoints,
    followed: tuple[str, ...] = (),
    lay: Lay | None = None,
    folds: tuple[Data, ...] = (),
) -> Fit:
    """Train every candidate and keep the one with the lowest validation loss.

    With `folds`, as many as crossed.FOLDS, the candidate with the lowest mean loss over them is trained on `data`.

    `followed` names metrics of scorers.py that are measured on the validation rows after every round, on one machine.
    `lay` chooses the ground that trees grow on: this machine unless given.

    Continues from the checkpoint if it belongs to the same data and settings. Raises Cancelled, or
    Untrainable for parameters that XGBoost refuses and for a loss that is never finite.
    """
    key = _key((data, *folds), schema, candidates, seed, followed)
    trainer = _Trainer(
        data,
        folds,
        schema,
        candidates,
        seed,
        threads,
        observer,
        checkpoints,
        followed,
        lay or Matrices.build,
        State(key),
    )
    return trainer.run()


@dataclass(frozen=True)
class _Trial:
    """One training of a candidate, whose place is told; on a fold only its loss is of use."""

    candidate: Candidate
    place: int
    data: Data
    is_fold: bool = False


@dataclass
class _Trainer:
    whole: Data
    folds: tuple[Data, ...]
    schema: ModelSchema
    candidates: tuple[Candidate, ...]
    seed: int
    threads: int
    observer: Observer
    checkpoints: Checkpoints
    followed: tuple[str, ...]
    lay: Lay
    state: State
    saved_at: float = -math.inf

    @property
    def metrics(self) -> tuple[str, ...]:
        return METRICS[self.schema.task]

    def run(self) -> Fit:
        self._restore()
        while len(self.state.finished) < self.trials:
            self._train(self._next())
        winner, results = self.state.winner, tuple(self.state.finished)
        assert winner is not None  # noqa: S101  the last trial is of no fold
        if self.folds:
            results = crossed.results(results, self.candidates)
        return Fit(winner.native, self.candidates[winner.index], winner.progress, results)

    @property
    def trials(self) -> int:
        return len(self.folds) * len(self.candidates) + 1 if self.folds else len(self.candidates)

    def _next(self) -> _Trial:
        """All folds of one candidate after the other, then the best on the whole; without folds each on the whole."""
        done = len(self.state.finished)
        if not self.folds:
            return _Trial(self.candidates[done], done, self.whole)
        if done < self.trials - 1:
            place, fold = divmod(done, len(self.folds))
            return _Trial(crossed.named(self.candidates[place], fold), place, self.folds[fold], is_fold=True)
        place = crossed.best(self.state.finished)
        return _Trial(self.candidates[place], place, self.whole)

    def _restore(self) -> None:
        blob = self.checkpoints.load()
        state = unpack(blob) if blob else None
        if state is not None and state.key == self.state.key:
            self.state = state
            self.observer.log("info", f"Continuing after round {state.progress.round}.")

    def _train(self, trial: _Trial) -> None:
        ground = self.lay(trial.data, self.schema, trial.candidate, self.threads)
        watch = Watch(self, trial.candidate, trial.data)
        while not watch.done:
            self._segment(trial.candidate, ground, watch)
            self._save()
        self._finish(trial)

    def _segment(self, candidate: Candidate, ground: Ground, watch: Watch) -> None:
        state, started = self.state, time.perf_counter()
        start = state.progress.round
        rounds = segment_end(start, candidate.max_rounds) - start
        parameters = self._parameters(candidate) | {"seed": self.seed + start}
        state.native = ground.boost(parameters, rounds, state.native, watch)
        state.progress.seconds += time.perf_counter() - started

    def _parameters(self, candidate: Candidate) -> dict[str, Any]:
        classes = {"num_class": len(self.schema.classes)} if self.schema.task == "multiclass" else {}
        own = {"objective": self.schema.objective, "eval_metric": list(self.metrics), "nthread": self.threads}
        return {
            "tree_method": "hist",
            "max_cat_to_onehot": ONE_HOT_UP_TO,
            **classes,
            **candidate.parameters,
            **own,
        }

    def _save(self) -> None:
        now = time.monotonic()
        if now - self.saved_at >= CHECKPOINT_SECONDS:
            self.checkpoints.save(pack(self.state))
            self.saved_at = now

    def _finish(self, trial: _Trial) -> None:
        state, candidate = self.state, trial.candidate
        progress = state.progress
        if progress.best_round == 0:
            raise Untrainable("diverged", "The loss was never a number. Lower the learning rate and start again.")
        result = _result(candidate, progress)
        if not trial.is_fold and (state.winner is None or progress.best_loss < state.winner.progress.best_loss):
            native = cut(state.native, progress.best_round)
            state.winner = Winner(trial.place, progress, native)
        state.finished.append(result)
        state.progress, state.native = Progress(), b""
        best = f"best validation {self.metrics[0]} {result.loss:.5g} at round {result.best_round}"
        self.observer.log("info", f"{candidate.name}: {best}.")


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


class Watch:
    """After each round: note the metrics, tell the observer, decide whether to stop."""

    def __init__(self, trainer: _Trainer, candidate: Candidate, data: Data) -> None:
        self.trainer, self.candidate, self.data = trainer, candidate, data
        self.told = -1

    @property
    def task(self) -> str:
        return self.trainer.schema.task

    @property
    def rounds_done(self) -> int:
        return self.trainer.state.progress.round

    @property
    def done(self) -> bool:
        progress = self.trainer.state.progress
        if progress.round >= self.candidate.max_rounds:
            return True
        return progress.round - progress.best_round >= self._patience()

    def look(self) -> None:
        """Raises Cancelled when the observer asks."""
        if self.trainer.observer.cancelled():
            raise Cancelled

    def note(self, metrics: dict[str, float]) -> None:
        """The metrics of the next round. Raises Cancelled."""
        self.look()
        progress = self.trainer.state.progress
        progress.add(metrics, metrics[f"valid-{self.trainer.metrics[0]}"])
        self.trainer.observer.rounds([RoundPoint(progress.round, metrics, self.candidate.name)])
        self._tell(progress)

    def _patience(self) -> int:
        if self.candidate.patience is not None:
            return self.candidate.patience
        return patience(self.trainer.state.progress.best_round, len(self.data.train.labels))

    def _tell(self, progress: Progress) -> None:
        """Progress as if no later round were better; candidates count alike."""
        end = min(self.candidate.max_rounds, progress.best_round + self._patience())
        done = (len(self.trainer.state.finished) + progress.round / end) / self.trainer.trials
        percent = int(100 * done)
        if percent > self.told:
            self.told = percent
            self.trainer.observer.stage("train", min(1.0, done))


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
            for name, value in self._followed(model, followed):
                yield f"valid-{name}", value

    def _followed(self, model: xgb.Booster, followed: tuple[str, ...]) -> Iterable[tuple[str, float]]:
        """XGBoost remembers its answers for the validation rows, so asking again costs little."""
        labels = self.watch.data.valid.labels.astype(np.float64)
        found = np.asarray(model.predict(self.matrices.valid), dtype=np.float64).reshape(len(labels), -1)
        if self.watch.task == "binary":
            found = np.column_stack([1 - found, found])
        chosen = np.asarray(found.argmax(axis=1), dtype=np.int64)
        yield from scorers.measure(followed, labels, found, chosen, np.ones(len(labels))).items()


@contextmanager
def refused() -> Iterator[None]:
    """What XGBoost refuses is a setting that a person can change."""
    try:
        yield
    except xgb.core.XGBoostError as error:
        raise Untrainable("bad_parameter", f"XGBoost refused the settings: {_reason(error)}") from error


def cut(native: bytes, best_round: int) -> bytes:
    """The first `best_round` rounds of a booster, without its names and attributes."""
    booster = xgb.Booster(model_file=bytearray(native))
    return bytes(booster[:best_round].save_raw("ubj"))


def _result(candidate: Candidate, progress: Progress) -> CandidateResult:
    return CandidateResult(
        name=candidate.name,
        loss=progress.best_loss,
        best_round=progress.best_round,
        rounds_run=progress.round,
        max_rounds=candidate.max_rounds,
        seconds=progress.seconds,
        parameters=candidate.parameters,
    )


def _logloss(labels: NDArray[np.float32], positive: NDArray[np.float32]) -> float:
    """Mean of -log p(label). The bound is that of XGBoost's logloss, so that curves compare."""
    chosen = np.where(labels > 0, positive, 1 - positive)
    return float(-np.log(np.maximum(chosen, 1e-16), dtype=np.float64).mean())


def _key(
    every: Iterable[Data],
    schema: ModelSchema,
    candidates: tuple[Candidate, ...],
    seed: int,
    followed: tuple[str, ...],
) -> str:
    """Digest of everything that shapes the model and its curves."""
    digest = hashlib.sha256(repr((schema, candidates, seed, followed, xgb.__version__)).encode())
    for part in (part for data in every for part in (data.train, data.valid)):
        digest.update(part.matrix.tobytes())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    """The line of a native error that speaks of the setting, without the stack."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith(("Stack", "  ["))]
    return lines[-1].split("] ")[-1].strip() if lines else "no reason given"
