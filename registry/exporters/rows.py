"""Rows made up from a model: an example for snippets, self-test rows, and rows that probe every split."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from registry.exporters.paths import path_cells
from registry.exporters.trees import Trees
from training.engine.schema import InputColumn, ModelSchema, is_missing

Table = Mapping[str, Sequence[object]]

SELFTEST_ROWS = 20
SINGLE_CHANGES = 1500
THRESHOLDS_PER_COLUMN = 60
FARTHEST = float(np.finfo(np.float32).max)
# Zero of both signs, far out and as far as float32 goes, one past the integers it can hold, and a denormal.
HARD_NUMBERS = (None, 0.0, -0.0, 1e30, -1e30, FARTHEST, -FARTHEST, 16777217.0, 1e-42)


def codes_of(column: InputColumn) -> dict[str, float]:
    """The code of each level that a row can hold: none for a number, nor for a level that reads as missing.

    A level that differs once stripped is never met either, since training.engine.schema strips first.
    """
    levels = enumerate(column.categories)
    return {level: float(code) for code, level in levels if not is_missing(level) and level == level.strip()}


def rows_of(table: Table) -> list[dict[str, object]]:
    """Columns to rows."""
    names = list(table)
    return [dict(zip(names, values, strict=True)) for values in zip(*table.values(), strict=True)]


def example_row(schema: ModelSchema) -> dict[str, object]:
    """A plausible row: medians of the numbers, first levels of the categories."""
    return {column.name: _typical(column) for column in schema.columns}


def _typical(column: InputColumn) -> object:
    if column.kind == "category":
        return column.categories[0] if column.categories else ""
    return _short(column.median or 0.0)


def _short(number: float) -> float | int:
    short = float(f"{number:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def selftest_table(schema: ModelSchema) -> dict[str, list[object]]:
    """Invented rows, the same for the same schema; the last is missing throughout. No real row is used."""
    dice = random.Random(7)  # noqa: S311 - repeatable rows, not secrets
    return {
        column.name: [*(_invented(column, dice) for _ in range(SELFTEST_ROWS - 1)), None] for column in schema.columns
    }


def _invented(column: InputColumn, dice: random.Random) -> object:
    if dice.random() < 0.1:
        return None
    if column.kind == "category":
        return dice.choice(column.categories) if column.categories else None
    return _short(dice.uniform(column.minimum or 0.0, column.maximum or 1.0))


def adversarial_table(schema: ModelSchema, trees: Trees, real: Table) -> dict[str, list[object]]:
    """Rows that stand on both sides of the splits, as raw columns.

    Each is a real row (or the example) with cells changed. Either one cell: a threshold, its float32
    neighbours or the float64 just below it, a hard number, a level, an unseen level; at most SINGLE_CHANGES
    such rows. Or the cells of paths.py, which lead to one split and decide it. The last row is missing throughout.
    """
    single = [{name: value} for name, value in _changes(schema, trees)]
    cells: list[dict[str, object]] = single[:: max(1, -(-len(single) // SINGLE_CHANGES))]
    cells += path_cells(schema, trees)
    base: Table = real if _length(real) else {name: [value] for name, value in example_row(schema).items()}
    count = _length(base)
    picks = np.random.default_rng(7).integers(0, count, len(cells)).tolist()
    absent: list[object] = [None] * count
    return {name: _laid_over(name, base.get(name, absent), picks, cells) for name in schema.names}


def _laid_over(
    name: str, values: Sequence[object], picks: Sequence[int], cells: Sequence[Mapping[str, object]]
) -> list[object]:
    return [*(cell.get(name, values[pick]) for pick, cell in zip(picks, cells, strict=True)), None]


def _length(table: Table) -> int:
    return len(next(iter(table.values()), ()))


def _changes(schema: ModelSchema, trees: Trees) -> Iterator[tuple[str, object]]:
    for index, column in enumerate(schema.columns):
        hard = _levels(column) if column.kind == "category" else _numbers(trees, index)
        yield from ((column.name, value) for value in hard)


def _levels(column: InputColumn) -> Iterator[object]:
    yield from column.categories
    yield None
    yield unseen_level(column)


def unseen_level(column: InputColumn) -> str:
    """A value that is not among the levels of a column."""
    value = "never seen before"
    while value in column.categories:
        value += "!"
    return value


def _numbers(trees: Trees, index: int) -> Iterator[object]:
    thresholds = np.unique(trees.value[(trees.feature == index) & (trees.member < 0)])
    step = max(1, -(-len(thresholds) // THRESHOLDS_PER_COLUMN))
    for threshold in thresholds[::step]:
        for value in (threshold, *np.nextafter(threshold, np.array([-np.inf, np.inf], np.float32))):
            yield float(value)
        yield float(np.nextafter(np.float64(threshold), -np.inf))  # rounds to the threshold, and must go right
    yield from HARD_NUMBERS
