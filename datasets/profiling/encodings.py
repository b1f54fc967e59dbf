"""A column of categories or of skewed numbers as other columns: for models and programs that take numbers only.

What needs the target is not here: a level's mean of the target, taken over all rows, gives the answer away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from datasets.profiling.columns import cast
from datasets.profiling.kinds import meaning
from datasets.profiling.plan import ONE_HOT_COLUMNS, Type

RARE = 0.01  # of the rows with a value
OTHER = "other"

Encode = Callable[[pl.LazyFrame, str, Type | None], pl.LazyFrame]


def one_hot(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
    """A column of 0 and 1 for each of the 20 most frequent levels, in place of the column; 0 where missing."""
    names = table.collect_schema().names()
    levels = _levels(table, column)["level"].head(ONE_HOT_COLUMNS)
    parts = {_unused(f"{column}={level}", names): level for level in levels}
    cells = [pl.when(pl.col(column).eq_missing(pl.lit(level))).then(pl.lit("1")).otherwise(pl.lit("0")).alias(name)
             for name, level in parts.items()]  # fmt: skip
    place = names.index(column)
    return table.select([*map(pl.col, names[:place]), *cells, *map(pl.col, names[place + 1 :])])


def frequency(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
    """Each level becomes its share of the rows that have a value; two of the same share become one."""
    levels = _levels(table, column)
    shares = (levels["rows"] / max(1, levels["rows"].sum())).round(6).cast(pl.String)
    return table.with_columns(pl.col(column).replace_strict(levels["level"], shares, default=None))


def rare(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
    """Levels of less than 1 % of the rows that have a value become one."""
    levels = _levels(table, column)
    seldom = levels.filter(pl.col("rows") < RARE * pl.col("rows").sum())["level"]
    return table.with_columns(
        pl.when(pl.col(column).is_in(seldom.implode())).then(pl.lit(OTHER)).otherwise(pl.col(column)).alias(column)
    )


def logarithm(table: pl.LazyFrame, column: str, chosen: Type | None) -> pl.LazyFrame:
    """Numbers become sign(x) ln(1 + |x|); other columns stay."""
    texts = table.select(column).collect().to_series()
    understood = meaning(texts, chosen)
    if understood.storage != "number":
        return table
    values = cast(texts, understood).cast(pl.Float64)
    return table.with_columns((values.sign() * values.abs().log1p()).cast(pl.String).alias(column))


ENCODINGS: Mapping[str, Encode] = {"one_hot": one_hot, "frequency": frequency, "rare": rare, "log": logarithm}


def _levels(table: pl.LazyFrame, column: str) -> pl.DataFrame:
    """Its levels with their rows, the most frequent first."""
    filled = table.select(pl.col(column).drop_nulls().alias("level")).collect()["level"]
    return filled.value_counts(name="rows").sort(["rows", "level"], descending=[True, False])


def _unused(name: str, taken: list[str]) -> str:
    return name if name not in taken else _unused(f"{name}_", taken)
