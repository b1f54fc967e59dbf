"""The whole job: a file in, a typed Parquet table and its profile out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasets.profiling import parquet
from datasets.profiling.associations import associations
from datasets.profiling.columns import different, examine
from datasets.profiling.document import ColumnProfile, Figure, ProfileDocument, cell
from datasets.profiling.kinds import Meaning
from datasets.profiling.plan import Plan, Type, types
from datasets.profiling.reading import TextTable, read
from datasets.profiling.recipe import cooked
from datasets.profiling.treatment import treated
from datasets.suggestions import suggest

PREVIEW = 50
CELLS_AT_ONCE = 2_000_000
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Progress = Callable[[float, str], None]
Hashes = NDArray[np.uint64]
UNDECIDED = Plan()


@dataclass(frozen=True)
class Profiled:
    """A typed Parquet table (Int64, Float64, Datetime in microseconds, String), the report on it, and the lines of the
    file that were left out, if there are any."""

    table: Path
    document: ProfileDocument
    leftover: Path | None = None


def profile(
    source: Path, *, filename: str, workdir: Path, progress: Progress, plan: Plan = UNDECIDED, region: str = "US",
    key: bytes = b"",
) -> Profiled:  # fmt: skip
    """Read a table in one of the formats of formats.py, type its columns and describe them.

    `workdir` must exist and takes the table and some passing files, up to three times the unpacked source. `progress`
    gets a figure from 0 to 100 and a sentence. `region` is where telephone numbers without a country code are
    dialled; `key` is what personal data is hashed with. Raises Unreadable when the file is no table we can take.
    """
    text = read(
        source, filename=filename, workdir=workdir, choice=plan.reading,
        progress=lambda share, say: progress(0.35 * share, say),
    )  # fmt: skip
    text = cooked(treated(text, plan.privacy, key=key, region=region), plan.steps)
    columns, meanings, hashes = _examined(text, progress, region, plan.privacy, types(plan.steps))
    progress(82, "Writing the typed table")
    table = _typed(text, meanings, workdir / "table.parquet")
    progress(96, "Looking for repeated rows")
    rows = text.rows
    together = associations(table, columns, rows=rows)
    duplicates = Figure(rows - different(hashes))
    document = ProfileDocument(
        rows=rows,
        reading=text.reading,
        columns=columns,
        duplicates=duplicates,
        preview=_preview(text, columns),
        suggestions=suggest(columns, rows=rows, duplicates=duplicates, associations=together),
        associations=together,
    )
    text.path.unlink()
    progress(100, "The profile is ready")
    return Profiled(table, document, text.leftover)


def _examined(
    text: TextTable, progress: Progress, region: str, treatments: Mapping[str, str], chosen: Mapping[str, Type]
) -> tuple[tuple[ColumnProfile, ...], dict[str, Meaning], Hashes]:
    """Every column's profile and meaning, and a 64-bit hash of each row."""
    columns: list[ColumnProfile] = []
    meanings: dict[str, Meaning] = {}
    rows: Hashes = np.zeros(text.rows, dtype=np.uint64)
    places = 2 * np.arange(text.rows, dtype=np.uint64) + np.uint64(1)
    prints: dict[int, str] = {}
    for position, texts in enumerate(_texts(text)):
        progress(35 + 47 * position / len(text.names), f"Examining column {position + 1} of {len(text.names)}")
        column, meanings[texts.name] = examine(
            texts.name, position, texts, region=region, treatment=treatments.get(texts.name),
            chosen=chosen.get(texts.name),
        )  # fmt: skip
        hashes = texts.hash().to_numpy()
        rows *= _MULTIPLIER
        rows ^= hashes
        if column.kind not in ("empty", "constant"):
            column = replace(column, duplicate_of=prints.get(key := int(np.bitwise_xor.reduce(hashes * places))))
            prints.setdefault(key, texts.name)
        columns.append(column)
    return tuple(columns), meanings, rows


def _texts(text: TextTable) -> Iterator[pl.Series]:
    """The columns as trimmed texts, a few at a time when they are short."""
    table = pl.scan_parquet(text.path)
    width = max(1, min(500, CELLS_AT_ONCE // text.rows))
    for start in range(0, len(text.names), width):
        names = text.names[start : start + width]
        yield from table.select(names).collect().iter_columns()


def _typed(text: TextTable, meanings: dict[str, Meaning], path: Path) -> Path:
    typed = [meanings[name].cast(pl.col(name)).alias(name) for name in text.names]
    parquet.lasting(pl.scan_parquet(text.path).select(typed), path)
    return path


def _preview(text: TextTable, columns: tuple[ColumnProfile, ...]) -> tuple[tuple[str | None, ...], ...]:
    head = pl.scan_parquet(text.path).head(PREVIEW).collect()
    return tuple(
        tuple(None if value is None else cell(value, column) for value, column in zip(row, columns, strict=True))
        for row in head.iter_rows()
    )
