"""One training from a typed table to a judged model."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from training.engine import boost, columns, crossed, evaluate, explain, metrics, suspect
from training.engine.boost import Fit
from training.engine.checkpoint import Progress
from training.engine.config import RunConfig
from training.engine.errors import Cancelled, Untrainable
from training.engine.learner import xgb
from training.engine.matrices import Data, Part
from training.engine.observer import Checkpoints, Observer, Stage
from training.engine.predict import Model
from training.engine.recipes import METRICS, OBJECTIVES, Candidate, candidates, for_rare
from training.engine.report import ClassRows, Curves, ExcludedColumn, RunReport, Spread
from training.engine.schema import ModelSchema
from training.engine.scorers import Followed
from training.engine.split import Split, codes, cut_table
from training.engine.spread import spread
from training.engine.target import Labels, read_labels

CURVE_POINTS = 2000


@dataclass(frozen=True)
class Outcome:
    """`native` are UBJ bytes cut at the best round, without column names. `holdout` holds the raw test rows:
    the model's columns in order, then the target."""

    native: bytes
    schema: ModelSchema
    report: RunReport
    holdout: pl.DataFrame


@dataclass(frozen=True)
class _Prepared:
    """Labelled rows as parts of a matrix, and what was learnt about their columns."""

    table: pl.DataFrame
    labels: Labels
    parts: Split
    schema: ModelSchema
    excluded: list[ExcludedColumn]
    data: Data
    test: Part


class _Clock:
    """Tells the observer where a training is and keeps the seconds of every stage."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        if self.observer.cancelled():
            raise Cancelled
        self.observer.stage(name, 0.0)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started
        self.observer.stage(name, 1.0)


def train(
    *,
    table: Path,
    config: RunConfig,
    observer: Observer,
    checkpoints: Checkpoints,
    lay: boost.Lay | None = None,
) -> Outcome:
    """Learn `config.target` from a typed Parquet table, on this machine unless `lay` leads elsewhere.

    The same table, configuration and library versions give the same bytes, on any number of threads and
    however often the training was interrupted. Raises Untrainable, or Cancelled when the observer asks.
    """
    clock = _Clock(observer)
    threads = config.threads or len(os.sched_getaffinity(0))
    sets = candidates(config)
    followed = Followed.of(config)
    followed.check()
    with clock.stage("load"):
        frame = pl.read_parquet(table)
    prepared = _prepare(frame, config, clock)
    sets += _for_rare(prepared.data, config)
    folds = _folds(prepared, config, observer)
    observer.plan(crossed.plan(sets) if folds else sets)
    with clock.stage("train"):
        fitted = boost.fit(
            data=prepared.data,
            schema=prepared.schema,
            candidates=sets,
            seed=config.seed,
            threads=threads,
            observer=observer,
            checkpoints=checkpoints,
            followed=followed,
            lay=lay,
            folds=folds,
        )
    return _judge(frame, prepared, fitted, config=config, threads=threads, clock=clock)


def _prepare(frame: pl.DataFrame, config: RunConfig, clock: _Clock) -> _Prepared:
    with clock.stage("check"):
        if config.target not in frame.columns:
            raise Untrainable("target_missing", f"The table has no column “{config.target}”. Choose another target.")
        labels = read_labels(frame[config.target], config.task)
        known = frame.filter(pl.Series(labels.known))
        divides = [name for name in (config.group, config.time) if name]
        _require_columns(frame, divides, config.target)
        names, excluded = columns.choose(known, config.target, config.exclude, config.personal, divides)
        _tell_losses(frame.height - known.height, excluded, config.target, clock.observer)
    with clock.stage("split"):
        parts = cut_table(known, labels.values, config)
        schema = ModelSchema(
            target=config.target,
            task=config.task,
            objective=OBJECTIVES[config.task],
            columns=tuple(columns.learn(known[name][parts.train]) for name in names),
            classes=labels.classes,
        )
        train, valid, test = (
            Part(columns.encode_frame(schema, known[rows]), labels.values[rows])
            for rows in (parts.train, parts.valid, parts.test)
        )
    return _Prepared(known, labels, parts, schema, excluded, Data(train, valid), test)


def _for_rare(data: Data, config: RunConfig) -> tuple[Candidate, ...]:
    if config.task != "binary":
        return ()
    positives = int((data.train.labels > 0).sum())
    return for_rare(config, positives=positives, negatives=len(data.train.labels) - positives)


def _folds(prepared: _Prepared, config: RunConfig, observer: Observer) -> tuple[Data, ...]:
    """The rows that are not for the test, cut for cross-validation; none where that is not for this table."""
    if not crossed.applies(config, prepared.table.height):
        return ()
    train, valid = prepared.data.train, prepared.data.valid
    matrix, labels = np.concatenate([train.matrix, valid.matrix]), np.concatenate([train.labels, valid.labels])
    rows = np.concatenate([prepared.parts.train, prepared.parts.valid])
    groups = codes(prepared.table[config.group])[rows] if config.group else None
    home = crossed.cut(labels, groups, stratify=config.task != "regression", seed=config.seed)
    if home is None:
        observer.log("info", f"There are fewer than {crossed.FOLDS} groups, so the sets are not cross-validated.")
        return ()
    observer.log("info", f"Each parameter set is judged on {crossed.FOLDS} folds; the best then learns once more.")
    return tuple(
        Data(Part(matrix[home != fold], labels[home != fold]), Part(matrix[home == fold], labels[home == fold]))
        for fold in range(crossed.FOLDS)
    )


def _require_columns(frame: pl.DataFrame, divides: list[str], target: str) -> None:
    if len(divides) > 1:
        raise Untrainable("bad_split", "Divide the rows by group or by time, not by both.")
    for name in divides:
        if name not in frame.columns or name == target:
            raise Untrainable("bad_split", f"The rows cannot be divided by “{name}”. Choose another column.")


def _tell_losses(dropped: int, excluded: list[ExcludedColumn], target: str, observer: Observer) -> None:
    if dropped:
        observer.log("warning", f"{dropped:,} rows have no value in “{target}” and are left out.")
    for column in excluded:
        observer.log("info", f"“{column.name}” is left out. {column.reason}")


def _judge(
    frame: pl.DataFrame, prepared: _Prepared, fitted: Fit, *, config: RunConfig, threads: int, clock: _Clock
) -> Outcome:
    data, test = prepared.data, prepared.test
    followed = Followed.of(config)
    with clock.stage("evaluate"):
        untuned = Model(fitted.native, prepared.schema, threads=threads)
        schema = replace(prepared.schema, threshold=evaluate.tuned_threshold(untuned, data.valid))
        model = Model(fitted.native, schema, threads=threads)
        prior = evaluate.prior_of((data.train.labels, data.valid.labels), schema)
        verdict = evaluate.evaluate(model, test, prior=prior, seed=config.seed, followed=followed)
    with clock.stage("explain"):
        explained = explain.explain(model, test.matrix)
        suspicions = suspect.suspect(
            prepared.table, prepared.parts, prepared.labels, prepared.data.train, schema=schema,
            strongest=[item.column for item in explained.importance], config=config, observer=clock.observer,
        )  # fmt: skip
    progress = fitted.progress
    report = RunReport(
        task=config.task,
        target=config.target,
        objective=schema.objective,
        recipe=config.recipe,
        seed=config.seed,
        threads=threads,
        table_rows=frame.height,
        table_columns=frame.width,
        dropped_rows=frame.height - prepared.table.height,
        sizes={"train": len(data.train.labels), "valid": len(data.valid.labels), "test": len(test.labels)},
        classes=_class_rows(prepared.labels),
        columns=schema.names,
        excluded=tuple(prepared.excluded),
        candidates=fitted.results,
        chosen=fitted.candidate.name,
        best_round=progress.best_round,
        rounds_run=progress.round,
        max_rounds=fitted.candidate.max_rounds,
        curves=thinned(progress),
        primary=METRICS[config.task][0],
        main=metrics.MAIN[config.task],
        validation=_at_best(progress),
        test=verdict.scores,
        unavailable=verdict.unavailable,
        threshold=schema.threshold,
        confusion=verdict.confusion,
        calibration=verdict.calibration,
        roc=verdict.roc,
        residuals=verdict.residuals,
        importance=explained.importance,
        precision_recall=verdict.precision_recall,
        explanation=explained.overall,
        class_explanations=explained.by_class,
        suspicions=suspicions,
        spread=_spread(prepared),
        divided="time" if config.time else "group" if config.group else "random",
        divided_by=config.time or config.group,
        seconds=clock.seconds,
        versions=_versions(),
    )
    holdout = prepared.table[prepared.parts.test].select(*schema.names, config.target)
    return Outcome(fitted.native, schema, report, holdout)


def _spread(prepared: _Prepared) -> tuple[Spread, ...]:
    """Where the rows that were learnt from lie, so that a test can say how far its rows are from them."""
    learnt = prepared.table[prepared.parts.train]
    return tuple(spread(column, learnt[column.name].to_list()) for column in prepared.schema.columns)


def _class_rows(labels: Labels) -> tuple[ClassRows, ...]:
    if not labels.classes:
        return ()
    counts = np.bincount(labels.values.astype(np.int64))
    return tuple(ClassRows(label, int(rows)) for label, rows in zip(labels.classes, counts, strict=True))


def thinned(progress: Progress) -> Curves:
    """A candidate's curves at no more than CURVE_POINTS rounds, the best one always among them."""
    even = np.linspace(0, progress.round - 1, min(progress.round, CURVE_POINTS - 1)).astype(int)
    places = np.union1d(even, [progress.best_round - 1])
    values = {name: tuple(metrics.finite(curve[place]) for place in places) for name, curve in progress.curves.items()}
    return Curves(tuple(int(place) + 1 for place in places), values)


def _at_best(progress: Progress) -> dict[str, float]:
    """What the validation rows said at the best round, without what was not defined there."""
    found = {name: curve[progress.best_round - 1] for name, curve in progress.curves.items()}
    return {
        name.removeprefix("valid-"): value
        for name, value in found.items()
        if name.startswith("valid-") and math.isfinite(value)
    }


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "xgboost": xgb.__version__,
        "polars": pl.__version__,
        "numpy": np.__version__,
    }
