"""Boosting in segments, so that a resumed training ends in the very bytes of an uninterrupted one.

XGBoost keeps neither its random state nor early stopping in a model file. Every run is therefore cut into the
same segments; each starts from the model's bytes with a seed of its own, whether or not it was interrupted.
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from training.engine import crossed
from training.engine.checkpoint import Progress, State, Winner, pack, unpack
from training.engine.errors import Cancelled, Untrainable
from training.engine.learner import xgb
from training.engine.matrices import Data, Matrices
from training.engine.observer import Checkpoints, Observer, RoundPoint
from training.engine.own import name_in
from training.engine.recipes import METRICS, ONE_HOT_UP_TO, Candidate, patience
from training.engine.report import CandidateResult
from training.engine.schema import ModelSchema
from training.engine.scorers import Followed

SEGMENT = 50
CHECKPOINT_SECONDS = 10.0


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
    followed: Followed,
    lay: Lay | None = None,
    folds: tuple[Data, ...] = (),
) -> Fit:
    """Train every candidate and keep the one with the lowest validation loss.

    With `folds`, as many as crossed.FOLDS, the candidate with the lowest mean loss over them is trained on `data`.

    `followed` are further metrics, which are measured on the validation rows after every round.
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
    followed: Followed
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

    @property
    def is_first(self) -> bool:
        """Whether no round of the training has ended yet."""
        return not self.rounds_done and not self.trainer.state.finished

    def warn(self, faults: Mapping[str, str]) -> None:
        """Say of a person's own metrics why they have no value yet; sentences by key."""
        for key, fault in faults.items():
            self.trainer.observer.log("warning", f"“{name_in(key)}” is not available in the first round: {fault}")

    def mark(self) -> Progress:
        """What was noted so far, for `rewind`."""
        return copy.deepcopy(self.trainer.state.progress)

    def rewind(self, mark: Progress) -> None:
        """Forget what was noted since the mark: those rounds were lost and come again."""
        self.trainer.state.progress = copy.deepcopy(mark)

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


def _key(
    every: Iterable[Data],
    schema: ModelSchema,
    candidates: tuple[Candidate, ...],
    seed: int,
    followed: Followed,
) -> str:
    """Digest of everything that shapes the model and its curves."""
    digest = hashlib.sha256(repr((schema, candidates, seed, followed, xgb.__version__)).encode())
    for part in (part for data in every for part in (data.train, data.valid)):
        digest.update(part.matrix.tobytes())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()
