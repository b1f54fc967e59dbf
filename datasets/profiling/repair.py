"""The tolerant reader: a clean copy of an irregular table, and a list of the records left out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from datasets.profiling.document import Reject
from datasets.profiling.sniff import Dialect, quoting

LISTED = 100_000
LONGEST_RECORD = 200

_UNCLOSED = "A quotation mark opens here and never closes."
_TOO_LONG = "A cell here is longer than 131,072 characters."


@dataclass
class Tally:
    """Records kept, padded or cut, and left out, while a table is read."""

    kept: int = 0
    ragged: int = 0
    blank: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        self.rejected += 1
        if len(self.rejects) < LISTED:
            self.rejects.append(Reject(line, reason))


def repair(text: Path, dialect: Dialect, clean: Path) -> Tally:
    """Write the regular records of a UTF-8 file to `clean`, comma-separated and without a header.

    A quotation mark inside a bare cell is an ordinary character. One that opens a cell and does not close
    within 200 lines costs its own line only.
    """
    tally = Tally()
    with (
        text.open(encoding="utf-8-sig", newline="") as lines,
        clean.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, lineterminator="\n")
        for number, cells in _records(lines, dialect, tally):
            fitted = _fit(cells, dialect.width, number, tally)
            if fitted is not None:
                writer.writerow(fitted)
                tally.kept += 1
    return tally


def _records(lines: TextIO, dialect: Dialect, tally: Tally) -> Iterator[tuple[int, list[str]]]:
    """Every record below the header with the line where it starts; the unreadable ones go to the tally."""
    pending: list[str] = []
    number = 0
    header = dialect.has_header
    while line := pending.pop() if pending else lines.readline():
        number += 1
        if number <= dialect.skip:
            continue
        start = number
        if dialect.quote and dialect.quote in line:
            cells, used = _quoted(line, lines, pending, dialect)
            number += used
        else:
            cells = line.rstrip("\r\n").split(dialect.delimiter)
        if isinstance(cells, str):
            tally.reject(start, cells)
        elif not any(cell and not cell.isspace() for cell in cells):
            tally.blank += 1
        elif header:
            header = False
        else:
            yield start, cells


def _quoted(line: str, lines: TextIO, pending: list[str], dialect: Dialect) -> tuple[list[str] | str, int]:
    """A quoted record: its cells, or the reason why there are none, and the further lines it took.

    Lines that were read in vain go back to `pending`, whose last entry is the next line.
    """
    taken: list[str] = []

    def feed() -> Iterator[str]:
        following = line
        while following and len(taken) < LONGEST_RECORD:
            taken.append(following)
            yield following
            following = pending.pop() if pending else lines.readline()
        if following:
            pending.append(following)

    try:
        # The reader takes line by line: reading all of them again for each one would be quadratic.
        return next(csv.reader(feed(), delimiter=dialect.delimiter, strict=True, **quoting(dialect.quote))), len(
            taken
        ) - 1
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return _lenient(taken, dialect), len(taken) - 1
    pending.extend(reversed(taken[1:]))
    return _UNCLOSED, 0


def _lenient(taken: list[str], dialect: Dialect) -> list[str] | str:
    try:
        return next(csv.reader(taken, delimiter=dialect.delimiter, **quoting(dialect.quote)))
    except csv.Error:
        return _TOO_LONG


def _fit(cells: list[str], width: int, line: int, tally: Tally) -> list[str] | None:
    """The cells of a record padded or cut to the table's width; None when cutting would lose a value."""
    if len(cells) == width:
        return cells
    if len(cells) > width and any(cell.strip() for cell in cells[width:]):
        tally.reject(line, f"{len(cells):,} cells where the table has {width:,} columns.")
        return None
    tally.ragged += 1
    return [*cells[:width], *[""] * (width - len(cells))]
