"""What may make a model's figures too good: columns that give the target away, an order of rows, mixed times.

Thresholds and the depth-3 learner: measured on 282 clean columns of 16 real tables and on planted copies of the
target. With the usual `min_child_weight` a perfect copy of a rare target goes unseen, so it is 0 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from training.engine import columns, metrics
from training.engine.config import RunConfig
from training.engine.errors import Cancelled
from training.engine.learner import xgb
from training.engine.matrices import Part
from training.engine.observer import Observer
from training.engine.recipes import OBJECTIVES, ONE_HOT_UP_TO
from training.engine.report import Alone, Screening, Suspicions
from training.engine.schema import ModelSchema, Task
from training.engine.split import Split
from training.engine.target import Labels, guess_task, read_labels

SEED = 7
SCREENED = 60  # columns, before anything was learnt of which are strong
COLUMNS = 10  # the strongest ones are looked at: a column that gives the target away is among them
ROWS = 4000
ENOUGH_ROWS = 200  # fewer tell an order by chance
FOLDS = 3
TREES = 60  # of one fold, over all outputs
MEASURES: dict[Task, str] = {"binary": "auc", "multiclass": "macro_auc", "regression": "r2"}


def suspect(
    table: pl.DataFrame,
    parts: Split,
    labels: Labels,
    train: Part,
    *,
    schema: ModelSchema,
    strongest: Sequence[str],
    config: RunConfig,
    observer: Observer,
) -> Suspicions:
    """Look at the training rows only; `strongest` are columns, most important first. Raises Cancelled."""
    few = np.sort(np.random.default_rng(config.seed).permutation(len(train.labels))[:ROWS])
    learner = _Learner(schema, train.labels[few], config.seed)
    alone = []
    for name in strongest[:COLUMNS]:
        if observer.cancelled():
            raise Cancelled
        place = schema.names.index(name)
        alone.append(learner.alone(name, train.matrix[few, place], schema.feature_types[place]))
    order = None
    if config.time == "" and len(few) >= ENOUGH_ROWS:
        order = learner.score(parts.train[few].astype(np.float32), "q")
    return Suspicions(
        measure=MEASURES[schema.task],
        alone=tuple(alone),
        order=None if order is None else metrics.finite(order),
        dates=tuple(_mixed(table, parts, config)),
        shift=_shift(labels, parts, schema.task) if config.time or config.group else None,
    )


def screen(table: pl.DataFrame, target: str, *, personal: Sequence[str] = ()) -> Screening:
    """What each column alone tells of the target, before anything is trained, over at most ROWS rows.

    Columns that a model would not read are left out, but for dates: one that is only there when the outcome is known
    gives it away. Raises Untrainable when the target suits no task.
    """
    guess = guess_task(table[target])
    labels = read_labels(table[target], guess.task)
    known = table.filter(pl.Series(labels.known))
    few = np.sort(np.random.default_rng(SEED).permutation(known.height)[:ROWS])
    some = known[few].with_columns(pl.col(pl.Date, pl.Datetime).exclude(target).cast(pl.Int64))
    names, _ = columns.choose(some, target, (), personal)
    looked = names[:SCREENED]
    read = tuple(columns.learn(some[name]) for name in looked)
    schema = ModelSchema(target, guess.task, OBJECTIVES[guess.task], read, classes=labels.classes)
    learner = _Learner(schema, labels.values[few], SEED)
    kinds = zip(read, schema.feature_types, strict=True)
    alone = [learner.alone(c.name, columns.encode_series(c, some[c.name]), kind) for c, kind in kinds]
    return Screening(
        task=guess.task, measure=MEASURES[guess.task], rows=len(few), columns=len(names),
        alone=tuple(sorted(alone, key=lambda each: -max(each.score, each.present_score))),
    )  # fmt: skip


class _Learner:
    """A small booster of one column, scored on the rows of the folds that it did not see."""

    def __init__(self, schema: ModelSchema, labels: NDArray[np.float32], seed: int) -> None:
        self.schema, self.labels, self.seed = schema, labels, seed
        self.folds = np.random.default_rng(seed).permutation(len(labels)) % FOLDS
        classes = {"num_class": len(schema.classes)} if schema.task == "multiclass" else {}
        self.rounds = max(2, min(20, TREES // schema.outputs))
        # One thread: with so few rows several wait for each other longer than they work.
        self.parameters = {
            "objective": schema.objective, "max_depth": 3, "min_child_weight": 0, "learning_rate": 0.5, "seed": seed,
            "tree_method": "hist", "max_cat_to_onehot": ONE_HOT_UP_TO, "nthread": 1, **classes,
        }  # fmt: skip

    def alone(self, name: str, cells: NDArray[np.float32], kind: str) -> Alone:
        answers, known = self.answers(cells, kind), ~np.isnan(cells)
        whole, there = self._score(self.labels, answers), self._score(self.labels[known], answers[known])
        return Alone(name, metrics.finite(whole) or 0.0, float(known.mean()), metrics.finite(there) or 0.0)

    def score(self, cells: NDArray[np.float32], kind: str) -> float:
        return self._score(self.labels, self.answers(cells, kind))

    def answers(self, cells: NDArray[np.float32], kind: str) -> NDArray[np.float64]:
        """Out-of-fold predictions, shape (rows, outputs)."""
        found = np.zeros((len(cells), self.schema.outputs))
        for fold in range(FOLDS):
            seen, other = self.folds != fold, self.folds == fold
            booster = xgb.train(self.parameters, self._matrix(cells[seen], kind, self.labels[seen]), self.rounds)
            found[other] = booster.predict(self._matrix(cells[other], kind)).reshape(-1, self.schema.outputs)
        return found

    def _matrix(self, cells: NDArray[np.float32], kind: str, labels: NDArray[np.float32] | None = None) -> xgb.DMatrix:
        return xgb.DMatrix(cells[:, None], labels, feature_types=[kind], enable_categorical=True, nthread=1)

    def _score(self, labels: NDArray[np.float32], answers: NDArray[np.float64]) -> float:
        ones, task = np.ones(len(labels)), self.schema.task
        if not len(labels):
            return float("nan")
        if task == "regression":
            return metrics.r2(labels.astype(np.float64), answers[:, 0], ones)
        if task == "binary":
            return metrics.auc(labels > 0, answers[:, 0], ones)
        areas = [metrics.auc(labels == code, answers[:, code], ones) for code in np.unique(labels).astype(int)]
        known = [area for area in areas if np.isfinite(area)]
        return float(np.mean(known)) if known else float("nan")


def _mixed(table: pl.DataFrame, parts: Split, config: RunConfig) -> list[str]:
    """Columns of dates by which a row that judges is older than one that was learnt from."""
    if config.time:
        return []
    found = []
    for values in table.select(pl.col(pl.Date, pl.Datetime)):
        newest: Any = values[parts.train].max()
        oldest: Any = values[parts.test].min()
        if values.name != config.target and newest is not None and oldest is not None and newest >= oldest:
            found.append(values.name)
    return found


def _shift(labels: Labels, parts: Split, task: Task) -> float | None:
    """The p-value of equal targets in the rows learnt from and the rows that judge: chi-squared for classes,
    Kolmogorov and Smirnov's for numbers."""
    learnt, judged = labels.values[parts.train], labels.values[parts.test]
    if task == "regression":
        return metrics.finite(float(stats.ks_2samp(learnt, judged).pvalue))
    classes = len(labels.classes)
    counts = np.array([np.bincount(part.astype(np.int64), minlength=classes) for part in (learnt, judged)])
    counts = counts[:, counts.sum(axis=0) > 0]
    return metrics.finite(float(stats.chi2_contingency(counts).pvalue)) if counts.shape[1] > 1 else None
