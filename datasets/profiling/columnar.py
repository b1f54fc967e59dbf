"""Parquet: its columns become the same trimmed texts as those of any other table, so that one eye judges them all."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from datasets.profiling import formats, parquet
from datasets.profiling.kinds import present

Types = dict[str, pl.DataType]


def header(path: Path) -> tuple[str, ...]:
    """The names of its columns. Raises Unreadable when it is damaged, or made to fill a memory."""
    try:
        table = pl.scan_parquet(path, glob=False)
        types = dict(table.collect_schema())
        rows = int(table.select(pl.len()).collect().item())
        if rows * len(types) > formats.most_cells(path) or _text_bytes(table, types) > formats.most_bytes(path):
            raise formats.bomb()
    except (PolarsError, PanicException):
        raise formats.broken("Parquet file") from None
    return tuple(types)


def to_text(path: Path, names: tuple[str, ...], target: Path) -> None:
    """Write every cell as trimmed text under these names, null where missing. Raises Unreadable."""
    table = pl.scan_parquet(path, glob=False)
    try:
        types = dict(table.collect_schema())
        texts = [_text(was, kind).alias(now) for (was, kind), now in zip(types.items(), names, strict=True)]
        parquet.passing(present(table.select(texts)), target)
    except (PolarsError, PanicException):
        raise formats.broken("Parquet file") from None


def _text_bytes(table: pl.LazyFrame, types: Types) -> int:
    """Bytes of all texts when each is written out, which a dictionary of few long ones hides."""
    sizes = [pl.col(name).str.len_bytes().cast(pl.Int64).sum() for name, kind in types.items() if kind == pl.String]
    return int(sum(table.select(sizes).collect().row(0))) if sizes else 0


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return column.cast(pl.Datetime("us")).cast(pl.String)
    if isinstance(kind, pl.Duration):
        return (column.dt.total_microseconds() / 1e6).cast(pl.String)
    if isinstance(kind, pl.List | pl.Array | pl.Struct):
        written = pl.struct(column.alias("_")).struct.json_encode().str.strip_prefix('{"_":').str.strip_suffix("}")
        return pl.when(column.is_not_null()).then(written)
    return column.cast(pl.String, strict=False)
