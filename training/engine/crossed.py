"""Cross-validation of parameter sets on small tables, where one cut of the rows says more of luck than of the sets.

Every set is trained once for each fold and stops by it; the set with the lowest mean loss is then trained like any
other, on the rows to learn from, and stops by the rows for validation. Test rows are in no fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.engine.config import RunConfig
from training.engine.recipes import Candidate
from training.engine.report import CandidateResult

FOLDS = 5
FEWER_THAN = 2000  # rows of a table


def applies(config: RunConfig, rows: int) -> bool:
    """Whether a table of so many rows is cross-validated. Never over time: a fold would be judged by its past."""
    return config.recipe == "thorough" and rows < FEWER_THAN and not config.time


def cut(
    labels: NDArray[np.float32], groups: NDArray[np.int64] | None, *, stratify: bool, seed: int
) -> NDArray[np.int64] | None:
    """The fold of each row, (rows,); a group is in one fold, and classes keep their shares where there are no groups.

    None when a fold would stay empty.
    """
    generator = np.random.default_rng(seed)
    home = _by_group(groups, generator) if groups is not None else _by_class(labels, stratify, generator)
    return home if len(np.unique(home)) == FOLDS else None


def _by_class(labels: NDArray[np.float32], stratify: bool, generator: np.random.Generator) -> NDArray[np.int64]:
    """Dealt like cards, class after class, so that folds differ by one row at most."""
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)] if stratify else [np.arange(len(labels))]
    home = np.zeros(len(labels), dtype=np.int64)
    home[np.concatenate([generator.permutation(rows) for rows in classes])] = np.arange(len(labels)) % FOLDS
    return home


def _by_group(groups: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """The largest group first, each to the fold with the fewest rows; ties are broken by the seed."""
    _, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    shuffled = generator.permutation(len(sizes))
    home, filled = np.zeros(len(sizes), dtype=np.int64), np.zeros(FOLDS, dtype=np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        home[group] = np.argmin(filled)
        filled[home[group]] += sizes[group]
    return home[members]


def plan(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """What will be trained, in order; the last stands for the set that wins, which nobody knows yet."""
    folds = (named(each, fold) for each in candidates for fold in range(FOLDS))
    return (*folds, candidates[0])


def named(candidate: Candidate, fold: int) -> Candidate:
    """The set under the name that it has while it is trained for one fold, which counts from 0."""
    return replace(candidate, name=f"{candidate.name}, fold {fold + 1} of {FOLDS}")


def best(finished: Sequence[CandidateResult]) -> int:
    """The place of the set with the lowest mean loss; `finished` holds all folds of one set after the other."""
    losses = np.array([each.loss for each in finished]).reshape(-1, FOLDS)
    return int(np.argmin(losses.mean(axis=1)))


def results(finished: Sequence[CandidateResult], candidates: Sequence[Candidate]) -> tuple[CandidateResult, ...]:
    """One result for each set: its mean loss, the loss of each fold, the middle of its best rounds, all its time."""
    found = []
    for place, candidate in enumerate(candidates):
        folds = finished[place * FOLDS : (place + 1) * FOLDS]
        losses = tuple(each.loss for each in folds)
        found.append(
            CandidateResult(
                name=candidate.name,
                loss=float(np.mean(losses)),
                best_round=int(np.median([each.best_round for each in folds])),
                rounds_run=sum(each.rounds_run for each in folds),
                max_rounds=candidate.max_rounds,
                seconds=sum(each.seconds for each in folds),
                parameters=candidate.parameters,
                folds=losses,
            )
        )
    return tuple(found)
