"""One quick pass over the bytes of a table: how many records to expect, whether they are regular."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHUNK = 256 << 10  # small enough that the marks of a chunk stay in the processor's cache
_LF, _CR = ord("\n"), ord("\r")
_NONE = -1  # no byte

Bytes = NDArray[np.uint8]
Places = NDArray[np.intp]


@dataclass
class Survey:
    """Counts of records by the rule that a newline outside quotation marks ends one; header included.

    `regular` says that the fast reader may be trusted with this file: no quotation mark inside a bare cell,
    none left open, and no record wider than the table.
    """

    records: int = 0
    blank: int = 0
    short: int = 0
    long: int = 0
    stray: bool = False
    open: bool = False

    @property
    def regular(self) -> bool:
        return not (self.stray or self.open or self.long)


@dataclass(frozen=True)
class _Signs:
    """The bytes that part cells and wrap them."""

    delimiter: int
    quote: int


@dataclass
class _Carry:
    """What a chunk passes on: an open quotation mark, the unfinished record so far, the last byte."""

    inside: int = 0
    length: int = 0
    delimiters: int = 0
    last: int = _LF


def survey(path: Path, delimiter: str, width: int, quote: str = '"') -> Survey:
    """Count the records of a UTF-8 file whose lines end in LF or CRLF and whose table has `width` columns."""
    found, carry = Survey(), _Carry()
    signs = _Signs(ord(delimiter), ord(quote) if quote else _NONE)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            _count(np.frombuffer(chunk, dtype=np.uint8), signs, width, found, carry)
    if carry.length:
        _count(np.array([_LF], dtype=np.uint8), signs, width, found, carry)
    found.open = bool(carry.inside)
    return found


def _count(data: Bytes, signs: _Signs, width: int, found: Survey, carry: _Carry) -> None:
    places = np.flatnonzero((data == _LF) | (data == signs.delimiter) | (data == signs.quote))
    marks = data[places]
    quotes = marks == signs.quote
    if places.size and (carry.inside or quotes.any()):
        inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)) ^ np.uint8(carry.inside)
        found.stray = found.stray or _stray(data, places[quotes & (inside == 1)], signs, carry.last)
        carry.inside = int(inside[-1])
        outside = (inside == 0) & ~quotes
        places, marks = places[outside], marks[outside]
    _tally(data, places, np.flatnonzero(marks == _LF), width=width, found=found, carry=carry)
    carry.last = int(data[-1])


def _stray(data: Bytes, opening: Places, signs: _Signs, last: int) -> bool:
    """Whether a quotation mark opens anywhere but at the start of a cell or after another one."""
    before = np.where(opening > 0, data[opening - 1], np.uint8(last))
    return not bool(np.isin(before, np.array([signs.delimiter, _LF, signs.quote], dtype=np.uint8)).all())


def _tally(data: Bytes, marks: Places, lasts: Places, *, width: int, found: Survey, carry: _Carry) -> None:
    """Count the records that end here. `marks` are the places of all delimiters and newlines outside quotation marks,
    `lasts` the newlines among them."""
    if not lasts.size:
        carry.length += data.size
        carry.delimiters += marks.size
        return
    ends = marks[lasts]
    delimiters = np.diff(lasts, prepend=-1) - 1
    delimiters[0] += carry.delimiters
    lengths = np.diff(ends, prepend=-1) - 1
    lengths[0] += carry.length
    before = np.where(ends > 0, data[ends - 1], np.uint8(carry.last))
    lengths -= (before == _CR) & (lengths > 0)
    filled = lengths != delimiters
    found.records += int(filled.sum())
    found.blank += int((~filled).sum())
    found.short += int((filled & (delimiters < width - 1)).sum())
    found.long += int((delimiters > width - 1).sum())
    carry.length = int(data.size - ends[-1] - 1)
    carry.delimiters = int(marks.size - lasts[-1] - 1)
