"""From the uploaded file to a Parquet file of texts: every record is kept or listed with its line."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from datasets.profiling import columnar, formats, jsonlines, parquet, sniff, workbooks
from datasets.profiling.document import Reading, Renamed
from datasets.profiling.formats import BLOCK, Format, Packed, Unreadable
from datasets.profiling.kinds import present
from datasets.profiling.leftover import collect
from datasets.profiling.plan import ReadingChoice
from datasets.profiling.repair import Tally, repair
from datasets.profiling.sniff import Dialect
from datasets.profiling.survey import survey

_CONTROL = sorted(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
SHOWN = 100  # of the records left out; the others are in a file of their own
# Polars' filter takes time that grows with the square of the columns: 45 s at 1,200
FILTERED = 100

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class TextTable:
    """A Parquet file whose columns are all trimmed texts, null where missing, and how it was read.

    `leftover` are the lines that were left out, as leftover.collect writes them.
    """

    path: Path
    names: tuple[str, ...]
    reading: Reading
    dropped: int = 0
    leftover: Path | None = None

    @property
    def rows(self) -> int:
        """Records that were kept, less those that a recipe dropped."""
        return self.reading.kept - self.dropped


@dataclass(frozen=True)
class _Task:
    """One file to be read: without its gzip wrapping, a folder for copies, what people decided."""

    file: Packed
    workdir: Path
    choice: ReadingChoice
    progress: Progress

    @property
    def target(self) -> Path:
        return self.workdir / "text.parquet"


@dataclass(frozen=True)
class _Text:
    """A UTF-8 file with LF or CRLF lines, and what the original was."""

    path: Path
    encoding: str
    newline: str
    replaced: int = 0


def read(
    source: Path, *, filename: str, workdir: Path, progress: Progress, choice: ReadingChoice | None = None
) -> TextTable:
    """Read a table into Parquet in `workdir`. `progress` gets 0 to 100. Raises Unreadable."""
    file = formats.unpacked(source, filename, workdir)
    task = _Task(file, workdir, choice or ReadingChoice(), progress)
    kind = formats.recognise(file.path, file.name)
    table = _READERS[kind](task)
    if file.path != source:
        file.path.unlink()
    if table.reading.kept == 0:
        raise Unreadable("no_rows", "This file has a header but no rows. Export it again with its rows.")
    return replace(table, reading=replace(table.reading, format=kind, packing=file.packing))


def _from_text(task: _Task) -> TextTable:
    text = _as_utf8(task.file.path, task.workdir, task.choice.encoding)
    task.progress(20, "Finding the columns")
    tabs_first = task.file.name.lower().endswith((".tsv", ".tab"))
    dialect = sniff.dialect(_head(text.path), task.choice, tabs_first=tabs_first)
    table = _delimited(task, text.path, dialect)
    if text.path != task.file.path:
        text.path.unlink()
    how = replace(table.reading, encoding=text.encoding, newline=text.newline, replaced=text.replaced)
    return replace(table, reading=how)


def _from_workbook(task: _Task) -> TextTable:
    sheet = workbooks.sheet(
        task.file.path, task.workdir, task.choice.sheet,
        lambda rows: task.progress(min(35, rows / 10_000), f"Reading the sheet, row {rows:,}"),
    )  # fmt: skip
    written = ReadingChoice(delimiter=",", quote='"', header=task.choice.header)
    table = _delimited(task, sheet.path, sniff.dialect(_head(sheet.path), written))
    sheet.path.unlink()
    how = replace(
        table.reading, encoding="", newline="", delimiter="", quote="", skipped=sheet.skipped, sheet=sheet.name,
        sheets=sheet.names,
    )  # fmt: skip
    return replace(table, reading=how)


def _from_json(task: _Task) -> TextTable:
    text = _as_utf8(task.file.path, task.workdir, task.choice.encoding)
    keys = jsonlines.names(text.path, lambda: task.progress(20, "Finding the columns"))
    names, renamed = _unique(keys)
    task.progress(50, "Reading the rows")
    clean = task.workdir / "clean.csv"
    tally = jsonlines.to_csv(text.path, keys, clean)
    _to_parquet(clean, _CLEAN, names, task.target, skip=0, blank=False)
    _require_height(task.target, tally.kept)
    clean.unlink()
    left = collect(text.path, tally.rejects, task.workdir / "leftover.jsonl", newline="\n")
    if text.path != task.file.path:
        text.path.unlink()
    how = _reading(tally, renamed, encoding=text.encoding, newline=text.newline)
    return TextTable(task.target, names, replace(how, replaced=text.replaced), leftover=left)


def _from_parquet(task: _Task) -> TextTable:
    keys = columnar.header(task.file.path)
    if len(keys) < 2:
        raise sniff.one_column()
    if len(keys) > formats.MAX_COLUMNS:
        raise sniff.too_many_columns(len(keys))
    names, renamed = _unique(keys)
    task.progress(40, "Reading the rows")
    columnar.to_text(task.file.path, names, task.target)
    return TextTable(task.target, names, _reading(Tally(kept=parquet.height(task.target)), renamed))


_READERS: Mapping[Format, Callable[[_Task], TextTable]] = {
    "csv": _from_text,
    "jsonl": _from_json,
    "parquet": _from_parquet,
    "xlsx": _from_workbook,
}


def _reading(tally: Tally, renamed: tuple[Renamed, ...], *, encoding: str = "", newline: str = "") -> Reading:
    """What the tally of a table without delimiters says."""
    return Reading(
        encoding=encoding, delimiter="", quote="", newline=newline, has_header=True,
        records=tally.kept + tally.rejected, kept=tally.kept, rejected=tally.rejected, blank_rows=tally.blank,
        rejects=tuple(tally.rejects[:SHOWN]), renamed=renamed,
    )  # fmt: skip


def _delimited(task: _Task, text: Path, dialect: Dialect) -> TextTable:
    """Read a UTF-8 file of delimited text; what is said about its encoding is the caller's to fill in."""
    names, renamed = _names(dialect)
    task.progress(40, "Reading the rows")
    tally = _fast(text, dialect, names, task.target)
    repaired = tally is None
    if tally is None:
        task.progress(60, "Reading the rows with care: some are irregular")
        tally = _careful(text, dialect, names, task.workdir, task.target)
    reading = Reading(
        encoding="",
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        newline="",
        has_header=dialect.has_header,
        records=tally.kept + tally.rejected,
        kept=tally.kept,
        rejected=tally.rejected,
        ragged=tally.ragged,
        blank_rows=tally.blank,
        skipped=dialect.skip,
        repaired=repaired,
        rejects=tuple(tally.rejects[:SHOWN]),
        renamed=renamed,
    )
    left = collect(text, tally.rejects, task.workdir / "leftover.jsonl", newline="")
    return TextTable(task.target, names, reading, leftover=left)


def _as_utf8(source: Path, workdir: Path, wanted: str | None) -> _Text:
    """The file itself when it is UTF-8 with newlines, else a converted copy; `wanted` is an encoding people chose."""
    with source.open("rb") as file:
        head = file.read(BLOCK)
    if wanted is not None and wanted != "utf-8":
        return _converted(source, workdir, wanted)
    encoding = sniff.marked_encoding(head)
    if encoding is None or encoding == "utf-8-sig":
        suspect = _first_not_utf8(source)
        if suspect is not None:
            encoding = wanted or sniff.legacy_encoding(suspect)
    if encoding is None or (encoding == "utf-8-sig" and suspect is None):
        newline = sniff.newline(head)
        plain = _Text(source, "utf-8", newline)
        return plain if newline != "\r" else _converted(source, workdir, "utf-8-sig")
    return _converted(source, workdir, encoding)


def _first_not_utf8(source: Path) -> bytes | None:
    """The first block that is not UTF-8, None when all are. Raises Unreadable for bytes that no text has."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            if _is_binary(block):
                raise Unreadable("not_a_table", f"This file holds binary data, not text. {formats.ACCEPTED}")
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return block
    return None


def _is_binary(block: bytes) -> bool:
    """Whether it has a NUL, or control characters that no text has in more than one of a hundred places."""
    data = np.frombuffer(block, dtype=np.uint8)
    counts = np.bincount(data[data < 32], minlength=32)
    return bool(counts[0]) or int(counts[_CONTROL].sum()) > len(block) // 100


def _converted(source: Path, workdir: Path, encoding: str) -> _Text:
    """A UTF-8 copy with line feeds. Raises Unreadable when more than a few characters make no sense."""
    path = workdir / "utf8.txt"
    replaced = characters = 0
    with source.open("rb") as raw:
        start = raw.read(BLOCK)
    name = encoding.removesuffix("-sig")
    newline = sniff.newline(start.replace(b"\x00", b""))
    with (
        source.open(encoding=encoding, errors="replace", newline=None if newline == "\r" else "") as text,
        path.open("w", encoding="utf-8", newline="") as out,
    ):
        while block := text.read(BLOCK):
            replaced += block.count("�")
            characters += len(block)
            out.write(block.removeprefix("\ufeff"))
    if replaced > characters // 100 + 10:
        raise Unreadable(
            "unreadable_text",
            "We cannot make out the characters of this file. Save it as UTF-8, then upload it again.",
        )
    return _Text(path, name, newline, replaced)


def _head(path: Path) -> str:
    """The first characters, cut at a line's end when there are more."""
    with path.open("rb") as file:
        raw = file.read(formats.HEAD)
        more = bool(file.read(1))
    if more and b"\n" in raw:
        raw = raw[: raw.rindex(b"\n") + 1]
    return raw.decode("utf-8-sig", errors="replace")


def _names(dialect: Dialect) -> tuple[tuple[str, ...], tuple[Renamed, ...]]:
    """Names of the columns, made unique, and what had to change."""
    if not dialect.has_header:
        return tuple(f"column_{i + 1}" for i in range(dialect.width)), ()
    return _unique(dialect.first)


def _unique(headers: Sequence[str]) -> tuple[tuple[str, ...], tuple[Renamed, ...]]:
    wanted = [" ".join(name.split()) for name in headers]
    taken, names, renamed = set(wanted), list[str](), list[Renamed]()
    used: set[str] = set()
    for position, was in enumerate(wanted):
        now = was or f"column_{position + 1}"
        number = 2
        while now in used or (now != was and now in taken):
            now = f"{was or 'column'}_{number}"
            number += 1
        used.add(now)
        names.append(now)
        if now != was:
            renamed.append(Renamed(position, was, now))
    return tuple(names), tuple(renamed)


def _fast(text: Path, dialect: Dialect, names: tuple[str, ...], path: Path) -> Tally | None:
    """Polars' own reader, for a regular table; None when its answer is not the one that was counted."""
    counted = survey(text, dialect.delimiter, dialect.width, dialect.quote)
    if dialect.skip or not counted.regular or (counted.blank and dialect.width > FILTERED):
        return None
    try:
        skip = int(dialect.has_header)
        _to_parquet(text, dialect, names, path, skip=skip, blank=counted.blank > 0)
    except pl.exceptions.PolarsError:
        return None
    expected = counted.records - dialect.has_header
    if parquet.height(path) != expected:
        return None
    return Tally(kept=expected, ragged=counted.short, blank=counted.blank)


def _careful(text: Path, dialect: Dialect, names: tuple[str, ...], workdir: Path, path: Path) -> Tally:
    clean = workdir / "clean.csv"
    tally = repair(text, dialect, clean)
    if tally.kept:
        _to_parquet(clean, _CLEAN, names, path, skip=0, blank=False)
        _require_height(path, tally.kept)
    clean.unlink()
    return tally


_CLEAN = Dialect(",", has_header=False, skip=0, first=())


def _require_height(path: Path, rows: int) -> None:
    if parquet.height(path) != rows:
        raise Unreadable("not_a_table", f"The rows of this file cannot be told apart. {formats.ACCEPTED}")


def _to_parquet(text: Path, dialect: Dialect, names: tuple[str, ...], path: Path, *, skip: int, blank: bool) -> None:
    """Every cell as trimmed text, null where missing; with `blank`, records without any cell are left out."""
    table = pl.scan_csv(
        text,
        separator=dialect.delimiter,
        quote_char=dialect.quote or None,
        has_header=False,
        skip_rows=skip,
        schema=dict.fromkeys(names, pl.String),
        truncate_ragged_lines=True,
    )
    if blank:
        table = table.filter(~pl.all_horizontal(pl.all().is_null()))
    parquet.passing(present(table), path)
