"""Fixes that people chose, done in order to a table of texts before its columns are typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import reduce

import polars as pl

from datasets.profiling import sniff
from datasets.profiling.columns import cast
from datasets.profiling.kinds import meaning
from datasets.profiling.plan import Step
from datasets.profiling.reading import ROW_GROUP, TextTable

MISSING_LEVEL = "missing"
_DAY_MONTH = r"^(\d{1,2})([/-])(\d{1,2})[/-](\d{4})(.*)$"

Fix = Callable[[pl.LazyFrame, str], pl.LazyFrame]


def cooked(text: TextTable, steps: Iterable[Step]) -> TextTable:
    """The table after these steps; one about a column that is not there does nothing.

    Raises Unreadable when less than two columns are left.
    """
    wanted = [step for step in steps if step.column is None or step.column in text.names]
    if not wanted:
        return text
    table = reduce(
        lambda found, step: _FIXES[step.action](found, step.column or ""), wanted, pl.scan_parquet(text.path)
    )
    names = tuple(table.collect_schema().names())
    if len(names) < 2:
        raise sniff.one_column()
    path = text.path.with_name("cooked.parquet")
    table.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
    text.path.unlink()
    rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
    return replace(text, path=path, names=names, dropped=text.reading.kept - rows)


def _drop(table: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return table.drop(column, strict=False)


def _drop_repeated(table: pl.LazyFrame, _: str) -> pl.LazyFrame:
    return table.unique(maintain_order=True)


def _impute(table: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Numbers get the median, texts a level of their own; dates stay as they are."""
    texts = _texts(table, column)
    understood = meaning(texts)
    if understood.storage == "datetime":
        return table
    middle = cast(texts, understood).median() if understood.storage == "number" else MISSING_LEVEL
    return table.with_columns(pl.col(column).fill_null(pl.lit(str(middle))))


def _merge(table: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Spellings that differ in case and spaces alone become the most frequent of them."""
    levels = _texts(table, column).drop_nulls().alias("level").value_counts(name="rows")
    folded = pl.col("level").str.to_lowercase().str.replace_all(r"\s+", " ")
    ranked = levels.with_columns(folded=folded).sort(["rows", "level"], descending=[True, False])
    chosen = ranked.with_columns(now=pl.col("level").first().over("folded"))
    return table.with_columns(pl.col(column).replace_strict(chosen["level"], chosen["now"], default=None))


def _days_first(table: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return table.with_columns(pl.col(column).str.replace(_DAY_MONTH, "${4}-${3}-${1}${5}"))


def _months_first(table: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return table.with_columns(pl.col(column).str.replace(_DAY_MONTH, "${4}-${1}-${3}${5}"))


def _texts(table: pl.LazyFrame, column: str) -> pl.Series:
    return table.select(column).collect().to_series()


_FIXES: Mapping[str, Fix] = {
    "drop": _drop,
    "drop_repeated": _drop_repeated,
    "impute": _impute,
    "merge": _merge,
    "days_first": _days_first,
    "months_first": _months_first,
}
