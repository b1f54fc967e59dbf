"""Which columns a model reads, and how a table becomes the matrix of its trees."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.engine.errors import Untrainable
from training.engine.report import ExcludedColumn
from training.engine.schema import BadInput, InputColumn, ModelSchema, encode_column, is_missing

MAX_LEVELS = 100
ID_NAME = re.compile(r"(?i:(?:^|[_\s.-])(?:id|ids|key|uuid|guid|index|rownum|row)$|^unnamed: ?\d+$)|[a-z]I[dD]$")


def _dated(values: pl.Series) -> bool:
    return values.dtype.is_temporal()


def _empty(values: pl.Series) -> bool:
    if values.dtype.is_numeric():
        return bool(values.cast(pl.Float64).fill_nan(None).null_count() == len(values))
    return all(is_missing(value) for value in values.unique())


def _constant(values: pl.Series) -> bool:
    return values.n_unique() == 1


def _unique_text(values: pl.Series) -> bool:
    present = values.drop_nulls()
    return values.dtype == pl.String and present.n_unique() > 0.5 * len(present)


def _numbered(values: pl.Series) -> bool:
    named = bool(ID_NAME.search(values.name))
    return named and values.dtype.is_integer() and values.n_unique() == len(values)


RULES: tuple[tuple[str, Callable[[pl.Series], bool], str], ...] = (
    ("date", _dated, "Dates are not used for learning yet."),
    ("empty", _empty, "It holds no values."),
    ("constant", _constant, "Every row has the same value."),
    (
        "identifier",
        _unique_text,
        "More than half of its texts appear only once, so it looks like an identifier.",
    ),
    ("identifier", _numbered, "It numbers the rows and its name says identifier."),
)


def choose(
    table: pl.DataFrame,
    target: str,
    exclude: Sequence[str],
    personal: Sequence[str] = (),
    divides: Sequence[str] = (),
) -> tuple[list[str], list[ExcludedColumn]]:
    """Names the model reads, in table order, and the columns kept from it with the reason.

    `divides` names columns that only say which rows learn and which judge.
    Raises Untrainable when nothing is left.
    """
    kept: list[str] = []
    left: list[ExcludedColumn] = []
    for values in table.drop(target):
        reason = _reason(values, exclude, personal, divides)
        if reason is None:
            kept.append(values.name)
        else:
            left.append(ExcludedColumn(values.name, *reason))
    if not kept:
        raise Untrainable("no_features", "No column is left to learn from. Include at least one more column.")
    return kept, left


def _reason(
    values: pl.Series, exclude: Sequence[str], personal: Sequence[str], divides: Sequence[str]
) -> tuple[str, str] | None:
    if values.name in divides:
        return "divides", "It only says which rows are learnt from and which judge."
    if values.name in exclude:
        return "asked", "You left it out."
    if values.name in personal:
        return "personal", "It holds personal data, which would be readable in the model's files."
    return next(((code, why) for code, rule, why in RULES if rule(values)), None)


def learn(values: pl.Series) -> InputColumn:
    """Freeze a column's levels or range from its training rows."""
    return _learn_number(values) if values.dtype.is_numeric() else _learn_category(values)


def _learn_number(values: pl.Series) -> InputColumn:
    numbers = values.cast(pl.Float64).fill_nan(None).drop_nulls()
    missing = 1 - len(numbers) / len(values)
    if numbers.is_empty():
        return InputColumn(values.name, "number", missing_share=missing)
    low, middle, high = (float(q) for q in np.quantile(numbers.to_numpy(), (0, 0.5, 1)))
    return InputColumn(values.name, "number", minimum=low, median=middle, maximum=high, missing_share=missing)


def _learn_category(values: pl.Series) -> InputColumn:
    counts: Counter[str] = Counter()
    for value, rows in values.value_counts().iter_rows():
        if not is_missing(value):
            counts[str(value).strip()] += rows
    levels = sorted(counts, key=lambda level: (-counts[level], level))[:MAX_LEVELS]
    missing = 1 - counts.total() / len(values)
    return InputColumn(values.name, "category", categories=tuple(levels), missing_share=missing)


def encode_series(column: InputColumn, values: pl.Series) -> NDArray[np.float32]:
    """What `schema.encode_column` gives for the same values, without a Python step per row."""
    if column.kind == "number" and values.dtype.is_numeric():
        with np.errstate(over="ignore"):
            return encode_column(column, values.cast(pl.Float64).to_numpy())
    distinct = values.unique()
    codes = pl.Series(encode_column(column, distinct.to_list()), dtype=pl.Float32)
    return values.replace_strict(distinct, codes, return_dtype=pl.Float32).to_numpy()


def encode_frame(schema: ModelSchema, table: pl.DataFrame) -> NDArray[np.float32]:
    """A table to the matrix of the trees, shape (rows, columns), float32, NaN for missing.

    Raises Untrainable for a number beyond the range of float32.
    """
    matrix = np.full((table.height, len(schema.columns)), np.nan, dtype=np.float32)
    for index, column in enumerate(schema.columns):
        try:
            matrix[:, index] = encode_series(column, table[column.name])
        except BadInput as error:
            raise Untrainable(
                "infinite_number",
                f"“{column.name}” holds a number too large to learn from. Correct it or leave it out.",
            ) from error
    return matrix
