"""The column to predict: which task it suits, and its values as numbers a booster learns from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.engine.errors import Untrainable
from training.engine.schema import Task, is_missing

MAX_CLASSES = 100
MIN_CLASS_ROWS = 5
MIN_ROWS = 50
TRUE_WORDS = ("yes", "true", "y", "t", "positive")


@dataclass(frozen=True)
class TaskGuess:
    """The task that fits a target column. `classes` are (label, rows), empty for regression."""

    task: Task
    why: str
    classes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Labels:
    """`known` marks the rows with a target, shape (table rows,); `values` are float32, one per known row:
    class codes in the order of `classes`, or the numbers of a regression."""

    known: NDArray[np.bool_]
    values: NDArray[np.float32]
    classes: tuple[str, ...]


def as_labels(values: pl.Series) -> pl.Series:
    """Raw values as trimmed text, null for missing. Whole floats lose their ".0"."""
    if values.dtype.is_float():
        values = values.fill_nan(None)
    distinct = values.unique()
    texts = pl.Series([None if is_missing(v) else _label(v) for v in distinct.to_list()], dtype=pl.String)
    return values.replace_strict(distinct, texts, return_dtype=pl.String)


def guess_from(table: Path, target: str) -> TaskGuess:
    """The task for a column of a typed table. Raises Untrainable."""
    return guess_task(pl.read_parquet(table, columns=[target])[target])


def guess_task(values: pl.Series) -> TaskGuess:
    """Binary, multiclass or regression, by AutoGluon's rule (core/utils/utils.py, infer_problem_type)."""
    labels = as_labels(values).drop_nulls()
    counts = labels.value_counts(sort=True)
    distinct = counts.height
    if distinct < 2:
        raise Untrainable("one_class", "The target needs at least two different values. Choose another column.")
    classes = tuple((str(label), int(rows)) for label, rows in counts.head(MAX_CLASSES + 1).iter_rows())
    if distinct == 2:
        return TaskGuess("binary", "It has exactly two values.", classes)
    if not values.dtype.is_numeric():
        return TaskGuess("multiclass", f"It holds text with {distinct:,} different values.", classes)
    if _few_whole_numbers(values, distinct, len(labels)):
        return TaskGuess("multiclass", f"It holds only {distinct} different whole numbers.", classes)
    return TaskGuess("regression", f"It holds numbers with {distinct:,} different values.")


def _few_whole_numbers(values: pl.Series, distinct: int, rows: int) -> bool:
    share = 0.1 if rows < 1000 else 0.05
    numbers = values.cast(pl.Float64).drop_nulls().drop_nans()
    return distinct <= MAX_CLASSES and distinct / rows <= share and bool((numbers == numbers.floor()).all())


def read_labels(values: pl.Series, task: Task) -> Labels:
    """The target as numbers. Raises Untrainable when the column does not suit the task."""
    return _numbers(values) if task == "regression" else _classes(values, task)


def _numbers(values: pl.Series) -> Labels:
    if not values.dtype.is_numeric():
        raise Untrainable(
            "target_not_numeric",
            f"“{values.name}” is not a number column. Choose a classification task or another target.",
        )
    numbers = values.cast(pl.Float64).to_numpy()
    known = ~np.isnan(numbers)
    with np.errstate(over="ignore"):
        found = numbers[known].astype(np.float32)
    if np.isinf(found).any():
        raise Untrainable(
            "infinite_number",
            f"“{values.name}” holds a number that is too large. Correct it, then upload again.",
        )
    _refuse_few_rows(len(found), values.name)
    if len(np.unique(found)) < 2:
        raise Untrainable("one_class", f"“{values.name}” has only one value. Choose another target.")
    return Labels(known, found, ())


def _classes(values: pl.Series, task: Task) -> Labels:
    labels = as_labels(values)
    known = labels.is_not_null().to_numpy()
    labels = labels.drop_nulls()
    _refuse_few_rows(len(labels), values.name)
    counts = dict(labels.value_counts().iter_rows())
    _refuse_class_counts(counts, values.name, task)
    classes = tuple(sorted(counts, key=_natural))
    codes = labels.replace_strict(classes, range(len(classes)), return_dtype=pl.Float32)
    return Labels(known, codes.to_numpy(), classes)


def _refuse_few_rows(rows: int, name: str) -> None:
    if rows == 0:
        raise Untrainable("too_few_rows", f"“{name}” holds no values. Choose another target.")
    if rows < MIN_ROWS:
        raise Untrainable(
            "too_few_rows",
            f"Only {rows} rows have a value in “{name}”; at least {MIN_ROWS} are needed. Upload more rows.",
        )


def _refuse_class_counts(counts: dict[str, int], name: str, task: Task) -> None:
    if len(counts) < 2:
        raise Untrainable("one_class", f"“{name}” has only one value. Choose another target.")
    if task == "binary" and len(counts) > 2:
        raise Untrainable(
            "too_many_classes",
            f"“{name}” has {len(counts)} values, a yes-or-no task takes two. Choose multiclass.",
        )
    if len(counts) > MAX_CLASSES:
        raise Untrainable(
            "too_many_classes",
            f"“{name}” has {len(counts):,} values; at most {MAX_CLASSES} classes can be learnt. "
            "Group rare values or choose another target.",
        )
    tiny = sorted(label for label, rows in counts.items() if rows < MIN_CLASS_ROWS)
    if tiny:
        named = ", ".join(f"“{label}” ({counts[label]})" for label in tiny[:5])
        raise Untrainable(
            "tiny_class",
            f"Each value of “{name}” needs at least {MIN_CLASS_ROWS} rows. Too few: {named}. "
            "Merge these values, or remove their rows.",
        )


def _natural(label: str) -> tuple[int, float, str, str]:
    """Sort key: numbers by size before words; words that mean yes come last."""
    try:
        return (0, float(label), "", label)
    except ValueError:
        return (2 if label.lower() in TRUE_WORDS else 1, 0.0, label.lower(), label)


def _label(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
