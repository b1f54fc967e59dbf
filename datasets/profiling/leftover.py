"""The lines that were left out of a table, with the reason, for those who want to mend them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.profiling.document import Reject

MOST_CHARACTERS = 2_000  # of one line
MOST_BYTES = 16 << 20  # of all


@dataclass(frozen=True)
class Leftover:
    """A line of the file that was left out; a record that goes over several lines is told by its first."""

    line: int
    reason: str
    text: str


def collect(text: Path, rejects: Sequence[Reject], into: Path, *, newline: str) -> Path | None:
    """Write the rejected lines of a UTF-8 file to `into`, one JSON array each, up to 16 MiB; None when there are none.

    `newline` is what ended lines when they were counted, as `open` takes it.
    """
    if not rejects:
        return None
    reasons = {reject.line: reject.reason for reject in rejects}
    room = MOST_BYTES
    with (
        text.open(encoding="utf-8-sig", errors="replace", newline=newline) as lines,
        into.open("wb") as out,
    ):
        for number, line in enumerate(lines, 1):
            if number in reasons:
                written = _written(number, reasons[number], line.rstrip("\r\n")[:MOST_CHARACTERS])
                room -= len(written)
                if room < 0:
                    break
                out.write(written)
    return into


def without_lines(path: Path) -> bytes:
    """What `collect` wrote, with the numbers and reasons only."""
    return b"".join(_written(each.line, each.reason, "") for each in read(path))


def read(path: Path) -> Iterator[Leftover]:
    """What `collect` wrote."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield Leftover(*json.loads(line))


def _written(line: int, reason: str, text: str) -> bytes:
    return json.dumps([line, reason, text]).encode() + b"\n"
