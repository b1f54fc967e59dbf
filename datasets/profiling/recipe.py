"""Fixes that people chose, done in order to a table of texts before its columns are typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from datasets.profiling import parquet, sniff
from datasets.profiling.columns import cast
from datasets.profiling.encodings import ENCODINGS
from datasets.profiling.kinds import meaning
from datasets.profiling.plan import Step, Type, types
from datasets.profiling.reading import TextTable

MISSING_LEVEL = "missing"
_DAY_MONTH = r"^(\d{1,2})([/-])(\d{1,2})[/-](\d{4})(.*)$"

Fix = Callable[[pl.LazyFrame, str, Type | None], pl.LazyFrame]


def cooked(text: TextTable, steps: Sequence[Step]) -> TextTable:
    """The table after these steps; one about a column that is not there does nothing.

    Raises Unreadable when less than two columns are left.
    """
    before = pl.scan_parquet(text.path)
    table = applied(before, steps)
    if table is before:
        return text
    names = tuple(table.collect_schema().names())
    if len(names) < 2:
        raise sniff.one_column()
    path = text.path.with_name("cooked.parquet")
    parquet.passing(table, path)
    text.path.unlink()
    return replace(text, path=path, names=names, dropped=text.reading.kept - parquet.height(path))


def applied(table: pl.LazyFrame, steps: Sequence[Step]) -> pl.LazyFrame:
    """A table of texts after these steps; the very same when they leave its texts alone."""
    for done, step in enumerate(steps):
        if step.action == "retype" or (step.column and step.column not in table.collect_schema()):
            continue
        chosen = types(steps[:done]).get(step.column or "")
        fix = ENCODINGS[step.to or ""] if step.action == "encode" else _FIXES[step.action]
        table = fix(table, step.column or "", chosen)
    return table


def losses(path: Path, name: str, steps: Sequence[Step]) -> dict[str, int]:
    """What these steps, the last of which retypes the column of a typed table, would make missing: each different
    value with its rows, the most frequent first. What was not read when the table was typed is missing already."""
    values = pl.scan_parquet(path, glob=False).select(name).collect().to_series()
    texts = values.dt.to_string("%Y-%m-%d %H:%M:%S") if values.dtype.is_temporal() else values.cast(pl.String)
    after = applied(pl.LazyFrame({name: texts}), steps).collect()[name]
    lost = texts.filter(texts.is_not_null() & cast(after, meaning(after, types(steps)[name])).is_null())
    counts = lost.alias("value").value_counts(name="rows").sort(["rows", "value"], descending=[True, False])
    return dict(counts.iter_rows())


def _drop(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
    return table.drop(column, strict=False)


def _drop_repeated(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
    return table.unique(maintain_order=True)


def _impute(table: pl.LazyFrame, column: str, chosen: Type | None) -> pl.LazyFrame:
    """Numbers get the median, texts a level of their own; dates stay as they are.

    Where people chose the type, what cannot be read as it is a gap too.
    """
    texts = _texts(table, column)
    understood = meaning(texts, chosen)
    if understood.storage == "datetime":
        return table
    middle = cast(texts, understood).median() if understood.storage == "number" else MISSING_LEVEL
    there = pl.col(column)
    if chosen is not None:
        there = pl.when(understood.cast(there).is_not_null()).then(there)
    return table.with_columns(there.fill_null(pl.lit(str(middle))).alias(column))


def _merge(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
    """Spellings that differ in case and spaces alone become the most frequent of them."""
    levels = _texts(table, column).drop_nulls().alias("level").value_counts(name="rows")
    folded = pl.col("level").str.to_lowercase().str.replace_all(r"\s+", " ")
    ranked = levels.with_columns(folded=folded).sort(["rows", "level"], descending=[True, False])
    chosen = ranked.with_columns(now=pl.col("level").first().over("folded"))
    return table.with_columns(pl.col(column).replace_strict(chosen["level"], chosen["now"], default=None))


def _days_first(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
    return table.with_columns(pl.col(column).str.replace(_DAY_MONTH, "${4}-${3}-${1}${5}"))


def _months_first(table: pl.LazyFrame, column: str, _: Type | None) -> pl.LazyFrame:
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
