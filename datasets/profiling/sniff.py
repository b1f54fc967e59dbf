"""What kind of text file lies here: encoding, newlines, delimiter, lines above the table, header."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import charset_normalizer

from datasets.pii_values import EMBEDDED
from datasets.profiling.formats import MAX_COLUMNS, Unreadable
from datasets.profiling.plan import ReadingChoice

LOOKED_AT = 400
DELIMITERS = (",", ";", "\t", "|")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Detection takes Western text for its Central European or Mac neighbours: only other scripts are believed.
_OTHER_SCRIPTS = re.compile(r"cp(1251|1253|1255|1256|866|932|949|950|936)|koi8|shift|euc|gb|big5|iso2022|utf_", re.I)
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[-+]?\d[\d.,  ']*(e[-+]?\d+)?\s?[%€)]?|[-+]?(nan|inf)", re.I)
_DATED = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")


@dataclass(frozen=True)
class Dialect:
    """How the lines of a table are written. `skip` counts lines above the first record, `first`.

    `quote` is the mark around cells, empty where no mark means anything.
    """

    delimiter: str
    has_header: bool
    skip: int
    first: tuple[str, ...]
    quote: str = '"'

    @property
    def width(self) -> int:
        return len(self.first)


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte-order mark or the places of NUL bytes give away, else None."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    sample = head[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    pairs = len(sample) // 2
    if pairs and odd > 0.4 * pairs and even < 0.1 * pairs:
        return "utf-16-le"
    return "utf-16-be" if pairs and even > 0.4 * pairs and odd < 0.1 * pairs else None


def legacy_encoding(sample: bytes) -> str:
    """The encoding of bytes that are not all UTF-8: UTF-8 with a few broken characters, or an older one."""
    text = sample.decode("utf-8", errors="replace")
    broken = text.count("�")
    if sum(ord(c) > 127 for c in text) - broken > 10 * broken:
        return "utf-8"
    lines = b"\n".join([line for line in sample.splitlines() if not line.isascii()][:500])
    best = charset_normalizer.from_bytes(lines[:65536]).best()
    return best.encoding if best is not None and _OTHER_SCRIPTS.match(best.encoding) else "cp1252"


def newline(head: bytes) -> str:
    """ "\\r\\n", "\\n" or, for files of old Macs, "\\r"."""
    if b"\r\n" in head:
        return "\r\n"
    return "\r" if b"\r" in head and b"\n" not in head else "\n"


def dialect(head: str, choice: ReadingChoice, *, tabs_first: bool = False) -> Dialect:
    """Delimiter, quoting, lines above the table and header, from the first characters of a text without BOM.

    What `choice` says is taken as it is. Raises Unreadable for a table of one column or of more than 10,000.
    """
    order = ("\t", *DELIMITERS) if tabs_first else DELIMITERS
    delimiters = (choice.delimiter,) if choice.delimiter else tuple(dict.fromkeys(order))
    delimiter, quote, records = _best_reading(head, delimiters, choice.quote)
    width = _usual_width([cells for _, cells in records])
    if width < 2:
        raise one_column()
    if width > MAX_COLUMNS:
        raise too_many_columns(width)
    start = next(i for i, (_, cells) in enumerate(records) if len(cells) == width)
    if start > 20 or len(records[start][1]) < 2:
        start = 0
    body = [cells for _, cells in records[start + 1 :]]
    first = records[start][1]
    has_header = _is_header(first, body) if choice.header is None else choice.header
    return Dialect(delimiter, has_header, records[start][0] - 1, tuple(first), quote)


def one_column() -> Unreadable:
    return Unreadable("one_column", _ONE_COLUMN)


def too_many_columns(width: int) -> Unreadable:
    return Unreadable("too_many_columns", f"This table has {width:,} columns; {MAX_COLUMNS:,} is the most we take.")


def _best_reading(
    head: str, delimiters: Sequence[str], quote: str | None
) -> tuple[str, str, list[tuple[int, list[str]]]]:
    """The delimiter and the quotation mark whose records agree best, and those records."""
    quotes = ('"', "'") if quote is None else (quote,)
    readings = {(d, q): _records(head, d, q) for q in quotes for d in delimiters}
    if quote is None:
        readings = {(d, q): r for (d, q), r in readings.items() if q == '"' or _apostrophes_quote(head, d)}
    delimiter, mark = max(readings, key=lambda pair: (_consistency(readings[pair]), pair[1] == "'"))
    return delimiter, mark, readings[delimiter, mark]


def _apostrophes_quote(head: str, delimiter: str) -> bool:
    """Whether cells are wrapped in apostrophes, as some databases write them, and none in quotation marks."""
    edge = re.escape(delimiter)
    wrapped = re.findall(rf"(?:^|{edge})'[^'\n]*'(?={edge}|\r?$)", head, re.M)
    return len(wrapped) >= 4 and not re.search(rf'(?:^|{edge})"', head, re.M)


_ONE_COLUMN = (
    "This table has one column. A model needs at least two: one to learn from and one to predict. "
    "Check that commas, semicolons, tabs or bars separate the columns."
)


def _records(head: str, delimiter: str, quote: str) -> list[tuple[int, list[str]]]:
    """The first records that are not blank, each with the line where it starts, from 1."""
    found: list[tuple[int, list[str]]] = []
    reader = csv.reader(head.splitlines(keepends=True), delimiter=delimiter, **quoting(quote))
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((line, cells))
            line = reader.line_num + 1
            if len(found) == LOOKED_AT:
                break
    except csv.Error:
        pass  # an unclosed quotation mark: what came before it is enough to judge by
    return found


def quoting(quote: str) -> dict[str, Any]:
    """The arguments of csv.reader for this quotation mark, or for none."""
    return {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}


def _usual_width(records: Sequence[Sequence[str]]) -> int:
    return Counter(len(cells) for cells in records).most_common(1)[0][0] if records else 0


def _consistency(records: list[tuple[int, list[str]]]) -> tuple[float, int]:
    """How well the records agree on a width of at least two, and that width."""
    widths = [len(cells) for _, cells in records]
    usual = _usual_width([cells for _, cells in records])
    if usual < 2:
        return (0.0, 0)
    return (widths.count(usual) / len(widths) + 0.5 * (widths[0] == usual), usual)


def _is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns: a vote of the columns, text names when they tie."""
    names = [cell.strip() for cell in first]
    if any(p.search(cell) for cell in names for p in EMBEDDED.values()):
        return False
    votes = sum(_vote(name, [c[i].strip() for c in body if i < len(c)]) for i, name in enumerate(names))
    if votes:
        return votes > 0
    return not any(_numeric(name) for name in names)


def _vote(name: str, values: Sequence[str]) -> int:
    """1 when the name differs in kind from the values below it, -1 when it is one of them, else 0."""
    filled = [v for v in values if v]
    if not filled or not name:
        return 0
    if sum(map(_numeric, filled)) > 0.8 * len(filled):
        return -1 if _numeric(name) else 1
    return -1 if filled.count(name) > 1 else 0


def _numeric(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATED.fullmatch(cell))
