"""What kind of file lies here, told by its bytes, and what a gzip archive holds; the rest is refused in a sentence."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HEAD = 1 << 20
BLOCK = 1 << 20
MAX_COLUMNS = 10_000
# No table shrinks to a hundredth when it is packed; what does is made to fill a disk.
MOST_GROWTH = 100
NO_BOMB = 64 << 20
NO_BOMB_CELLS = 20_000_000
KEPT_FREE = 256 << 20
ACCEPTED = (
    "Upload a table as CSV or TSV (plain text with commas, semicolons, tabs or bars between the columns), "
    "Excel (.xlsx), Parquet or JSON Lines; CSV, TSV and JSON Lines may be packed with gzip."
)

Format = Literal["csv", "jsonl", "parquet", "xlsx"]

_MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive inside another one; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1", "an Arrow or Feather file; save it as Parquet"),
    (b"MZ\x90", "a program"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0", "an Excel file of the old kind (.xls), or one with a password; save it as .xlsx without one"),
    (b"SQLite format 3", "a SQLite database"),
    (b"{\\rtf", "an RTF document"),
)
_WEB_PAGE = re.compile(rb"\s*<(!doctype|html|\?xml)", re.I)
_BLANK = b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"
_JSON_NAMES = (".jsonl", ".ndjson", ".json")
_OBJECT = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*("|\})')
_ARRAY = re.compile(rb"(\xef\xbb\xbf)?\s*\[")


class Unreadable(Exception):
    """The file is no table we can take. `code` is for programs, `message` says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Packed:
    """A file without its gzip wrapping: where it lies now, what it is called, how it was packed."""

    path: Path
    name: str
    packing: str = ""


def unpacked(source: Path, filename: str, workdir: Path) -> Packed:
    """The file itself, or what the gzip archive holds, written to `workdir`. Raises Unreadable."""
    with source.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return Packed(source, filename)
    target = workdir / "unpacked"
    most = most_bytes(source)
    try:
        with gzip.open(source) as packed, target.open("wb") as out:
            written = 0
            while block := packed.read(BLOCK):
                written += len(block)
                if written > most:
                    raise bomb()
                if written % (64 * BLOCK) < BLOCK:
                    _leave_room(target)
                out.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise broken("gzip archive") from None
    return Packed(target, re.sub(r"\.gz$", "", filename, flags=re.I), "gzip")


def recognise(path: Path, filename: str) -> Format:
    """What the bytes say, whatever the name says; names only tell JSON from text. Raises Unreadable."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip(_BLANK):
        raise Unreadable("empty_file", "This file is empty. Check that the export finished, then upload it again.")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04") and _is_workbook(path):
        return "xlsx"
    _refuse_foreign(head)
    return _json_or_text(head, filename.lower())


def most_bytes(source: Path) -> int:
    """How large the contents of this packed file may be before it counts as made to fill a disk."""
    return max(NO_BOMB, source.stat().st_size * MOST_GROWTH)


def most_cells(source: Path) -> int:
    """How many cells this packed file may hold."""
    return max(NO_BOMB_CELLS, source.stat().st_size * MOST_GROWTH)


def bomb() -> Unreadable:
    return Unreadable(
        "expands_too_much",
        f"This file unpacks to more than {MOST_GROWTH} times its size, which hardly a table does, so it was not read. "
        "If it is one, upload it unpacked, as CSV.",
    )


def broken(what: str) -> Unreadable:
    return Unreadable(
        "broken_file",
        f"This {what} is damaged or incomplete. Check that it opens on your machine, then upload it again.",
    )


def _leave_room(path: Path) -> None:
    if shutil.disk_usage(path.parent).free < KEPT_FREE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, OSError):
        raise broken("ZIP archive or Excel file") from None


def _refuse_foreign(head: bytes) -> None:
    really = next((what for magic, what in _MAGIC if head.startswith(magic)), None)
    if really is None and _WEB_PAGE.match(head):
        really = "a web page or an XML document"
    if really is not None:
        raise Unreadable("not_a_table", f"This file is {really}. {ACCEPTED}")


def _json_or_text(head: bytes, name: str) -> Format:
    named = name.endswith(_JSON_NAMES)
    if named and _ARRAY.match(head):
        raise Unreadable(
            "unsupported_format", "This JSON file is one long list. Save it as JSON Lines: one object on each line."
        )
    return "jsonl" if named or (_OBJECT.match(head) and _first_line_is_object(head)) else "csv"


def _first_line_is_object(head: bytes) -> bool:
    try:
        return isinstance(json.loads(head.lstrip(_BLANK).split(b"\n", 1)[0]), dict)
    except (ValueError, RecursionError):
        return False
