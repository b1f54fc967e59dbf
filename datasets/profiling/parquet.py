"""The Parquet files of a profile: passing ones, and the typed table that stays."""

from __future__ import annotations

from pathlib import Path

import polars as pl

ROW_GROUP = 100_000


def passing(table: pl.LazyFrame, path: Path) -> None:
    """Write a table that is read once or twice and then removed: quick comes before small."""
    table.sink_parquet(path, compression="lz4", statistics=False, row_group_size=ROW_GROUP)


def lasting(table: pl.LazyFrame, path: Path) -> None:
    """Write a table that is kept."""
    table.sink_parquet(path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)


def first(path: Path, column: str, rows: int) -> list[str | None]:
    """The column's values in the first rows, as texts."""
    head = pl.scan_parquet(path, glob=False).select(pl.col(column).cast(pl.String)).head(rows).collect()
    return head.to_series().to_list()


def height(path: Path) -> int:
    """How many rows the file has, from its footer."""
    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
