"""Excel workbooks (.xlsx): the rows of one sheet as comma-separated text. Formulas count by their last result."""

from __future__ import annotations

import csv
import datetime as dt
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets.profiling import formats
from datasets.profiling.formats import Unreadable

HEAD_ROWS = 50
LATEST_START = 20
MOST_STRINGS = 512 << 20  # bytes of the texts that cells share, which are kept in memory


@dataclass(frozen=True)
class Sheet:
    """The text of a sheet, which sheets there are, and how many rows above the table were left out."""

    path: Path
    name: str
    names: tuple[str, ...]
    skipped: int


@dataclass
class _Extent:
    """How far the cells of a sheet reach: per column its last filled row, per row its filled cells."""

    last: list[int] = field(default_factory=list)
    filled: list[int] = field(default_factory=list)
    cells: int = 0

    def note(self, number: int, row: Sequence[str]) -> None:
        self.last.extend([-1] * (len(row) - len(self.last)))
        there = [place for place, cell in enumerate(row) if cell]
        for place in there:
            self.last[place] = number
        if len(self.filled) < HEAD_ROWS:
            self.filled.append(len(there))

    def start(self) -> int:
        """The first row that is about as full as the fullest: titles above it are no part of the table."""
        most = max(self.filled, default=0)
        return next((i for i, n in enumerate(self.filled[:LATEST_START]) if n >= 2 and 2 * n >= most), 0)


def sheet(path: Path, workdir: Path, wanted: str | None, progress: Callable[[int], None]) -> Sheet:
    """Write a sheet as CSV into `workdir`: the one that is wanted, else the first with cells in it.

    `progress` gets the number of rows so far. Raises Unreadable.
    """
    _refuse_bomb(path)
    raw, clean = workdir / "sheet.csv", workdir / "workbook.csv"
    with _opened(path) as book:
        names = tuple(str(one.title) for one in book.worksheets)
        if wanted is not None and wanted not in names:
            raise Unreadable("no_such_sheet", f"This workbook has no sheet “{wanted}”. It has {', '.join(names)}.")
        for name in (wanted,) if wanted is not None else names:
            extent = _write(book[name], raw, formats.most_cells(path), progress)
            if any(extent.filled):
                start = extent.start()
                _narrow(raw, clean, extent, start)
                raw.unlink()
                return Sheet(clean, name, names, start)
    raise Unreadable("no_rows", "This sheet has no cells with anything in them. Choose another one, or fill it.")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The workbook, read row by row; whatever the library stumbles over is a damaged file."""
    import openpyxl  # noqa: PLC0415  with what it imports a tenth of a second of every process

    try:
        with warnings.catch_warnings(action="ignore"), path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                yield book
            finally:
                book.close()
    except (Unreadable, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise formats.broken("Excel file") from None
    except Exception:  # noqa: BLE001  the library raises whatever a strange file leads it to
        raise formats.broken("Excel file") from None


def _refuse_bomb(path: Path) -> None:
    """The archive says how large its members are, and none is unpacked beyond what it says."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError):
        raise formats.broken("Excel file") from None
    shared = sum(member.file_size for member in members if member.filename.lower().endswith("sharedstrings.xml"))
    if sum(member.file_size for member in members) > formats.most_bytes(path):
        raise formats.bomb()
    if shared > MOST_STRINGS:
        raise Unreadable("too_large", "The texts of this workbook need too much memory. Save the sheet as CSV.")


def _write(rows: Any, path: Path, most: int, progress: Callable[[int], None]) -> _Extent:
    extent = _Extent()
    rows.reset_dimensions()  # what a sheet says about its own size is often wrong
    with path.open("w", encoding="utf-8", errors="replace", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for number, cells in enumerate(rows.iter_rows(values_only=True)):
            extent.cells += len(cells) + 1
            if extent.cells > most:
                raise formats.bomb()
            row = [_text(cell) for cell in cells]
            extent.note(number, row)
            writer.writerow(row or [""])
            if number % 5_000 == 0:
                progress(number)
    return extent


def _narrow(raw: Path, clean: Path, extent: _Extent, start: int) -> None:
    """The rows from `start` on, all of one width, without the columns that stay empty."""
    kept = [place for place, last in enumerate(extent.last) if last >= start]
    with raw.open(encoding="utf-8", newline="") as rows, clean.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for number, row in enumerate(csv.reader(rows)):
            if number >= start:
                writer.writerow([row[place] if place < len(row) else "" for place in kept])


def _text(cell: Any) -> str:
    """A cell as we read it everywhere else: ISO dates, plain numbers, true and false."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case dt.datetime():
            return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
        case dt.date() | dt.time():
            return cell.isoformat()
        case dt.timedelta():
            return str(cell.total_seconds())
        case _:
            return str(cell)
