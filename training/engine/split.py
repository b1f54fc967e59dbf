"""Three parts of a table: to learn from, to stop by, to be judged on.

At random, with whole groups in one part, or by time. scikit-learn's splitters give two parts and keep neither the
shares of classes over groups nor equal moments together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.engine.config import RunConfig
from training.engine.errors import Untrainable

MIN_TEST_ROWS = 100
PLACED = 20_000  # groups that are given a part one by one
VALID_SHARE = 0.25  # of what the test leaves: 60/20/20 with the usual test share


@dataclass(frozen=True)
class Split:
    """Row numbers of each part, ascending, no row in two."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def split(labels: NDArray[np.float32], *, stratify: bool, test_share: float, seed: int) -> Split:
    """A seeded random split. With `stratify` every class is cut in the same shares, at least one row each.

    The test part grows to MIN_TEST_ROWS when that is no more than 30 % of the table.
    """
    rows = len(labels)
    share = _grown(test_share, rows)
    generator = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)] if stratify else [np.arange(rows)]
    parts = [_cut(generator.permutation(group), share) for group in groups]
    train, valid, test = (np.sort(np.concatenate(part)) for part in zip(*parts, strict=True))
    return Split(train, valid, test)


def _cut(rows: NDArray[np.int64], share: float) -> tuple[NDArray[np.int64], ...]:
    test = max(1, round(len(rows) * share))
    valid = max(1, round((len(rows) - test) * VALID_SHARE))
    return rows[test + valid :], rows[test : test + valid], rows[:test]


def _grown(share: float, rows: int) -> float:
    return max(share, min(MIN_TEST_ROWS, 0.3 * rows) / rows)


def cut_table(table: pl.DataFrame, labels: NDArray[np.float32], config: RunConfig) -> Split:
    """The parts that the configuration asks for. Raises Untrainable when its column cannot give them."""
    stratify = config.task != "regression"
    if config.time:
        found = by_time(_ranks(table[config.time]), test_share=config.test_share)
    elif config.group:
        classes = labels if stratify else np.zeros_like(labels)
        found = by_group(codes(table[config.group]), classes, test_share=config.test_share, seed=config.seed)
    else:
        return split(labels, stratify=stratify, test_share=config.test_share, seed=config.seed)
    if stratify:
        _require_classes(found, labels, config)
    return found


def by_time(ranks: NDArray[np.int64], *, test_share: float) -> Split:
    """The newest rows are the test, the ones before them stop the training. Equal ranks stay together.

    `ranks` (rows,) grow with time. Raises Untrainable when there are fewer than three different ones.
    """
    order = np.argsort(ranks, kind="stable")
    starts = np.flatnonzero(np.diff(ranks[order])) + 1
    if len(starts) < 2:
        raise Untrainable("few_times", "The column of time needs at least three different values. Choose another one.")
    test = _nearest(starts[1:], len(ranks) * (1 - _grown(test_share, len(ranks))))
    valid = _nearest(starts[starts < test], test * (1 - VALID_SHARE))
    return Split(*(np.sort(part) for part in (order[:valid], order[valid:test], order[test:])))


def by_group(groups: NDArray[np.int64], classes: NDArray[np.float32], *, test_share: float, seed: int) -> Split:
    """No group is in two parts, and classes keep their shares as far as groups allow.

    The largest group first, each goes where most room is left for its rows, and the last ones to parts that have
    none; ties are broken by the seed. After PLACED groups chance keeps the shares as well.
    Raises Untrainable when a part would stay empty.
    """
    _, codes = np.unique(classes, return_inverse=True)
    _, members = np.unique(groups, return_inverse=True)
    width = int(codes.max()) + 1
    counts = np.bincount(members * width + codes, minlength=(int(members.max()) + 1) * width).reshape(-1, width)
    share = _grown(test_share, len(groups))
    shares = np.array([(1 - share) * (1 - VALID_SHARE), (1 - share) * VALID_SHARE, share])
    goals = shares[:, None] * counts.sum(axis=0)
    filled = np.zeros_like(goals)
    home = np.zeros(len(counts), dtype=np.int64)
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    for place, group in enumerate(order[:PLACED]):
        rows = counts[group]
        room = ((goals - filled - rows) / goals) @ rows
        empty = ~filled.any(axis=1)
        if len(order) - place <= empty.sum():
            room[~empty] = -np.inf
        home[group] = int(np.argmax(room))
        filled[home[group]] += rows
    home[order[PLACED:]] = generator.choice(3, max(0, len(order) - PLACED), p=shares)
    train, valid, test = (np.flatnonzero(home[members] == part) for part in range(3))
    if not (len(train) and len(valid) and len(test)):
        raise Untrainable(
            "few_groups", "There are too few groups to learn from some and judge on others. Choose another column."
        )
    return Split(train, valid, test)


def _nearest(starts: NDArray[np.int64], wanted: float) -> int:
    return int(starts[np.argmin(np.abs(starts - wanted))])


def _ranks(values: pl.Series) -> NDArray[np.int64]:
    """Dates or numbers by size; rows without one count as the oldest, so that they never judge."""
    if not (values.dtype.is_temporal() or values.dtype.is_numeric()):
        raise Untrainable("not_a_time", f"“{values.name}” holds neither dates nor numbers. Choose another column.")
    known = values.fill_nan(None) if values.dtype.is_float() else values
    return np.asarray(known.rank("dense").fill_null(0).cast(pl.Int64).to_numpy())


def codes(values: pl.Series) -> NDArray[np.int64]:
    """One number for each value; every row without one is a group of its own."""
    ranks = values.rank("dense").cast(pl.Int64)
    own = pl.Series(-np.arange(1, len(values) + 1))
    return np.asarray(ranks.fill_null(own).to_numpy())


def _require_classes(found: Split, labels: NDArray[np.float32], config: RunConfig) -> None:
    """Every class must be learnt, and a yes-or-no answer is judged on rows of both kinds."""
    every = len(np.unique(labels))
    parts = (found.train, found.valid, found.test) if config.task == "binary" else (found.train,)
    if any(len(np.unique(labels[rows])) < every for rows in parts):
        column = config.time or config.group
        raise Untrainable(
            "class_missing_in_part",
            f"Divided by “{column}”, one part of the rows lacks a value of “{config.target}”. "
            "Choose another column, or a random split.",
        )
