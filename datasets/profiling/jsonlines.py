"""JSON Lines: one object on each line becomes one record; objects inside objects become columns with dots."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from datasets.profiling.formats import MAX_COLUMNS, Unreadable
from datasets.profiling.repair import Tally
from datasets.profiling.sniff import too_many_columns

LONGEST_LINE = 16 << 20  # characters
DEEPEST = 5

_TOO_LONG = f"This line is longer than {LONGEST_LINE:,} characters."
_NO_JSON = "This line is no JSON."
_NO_OBJECT = "This line holds no object with names and values."
_TOO_DEEP = "The objects of this line lie too deep inside one another."


def names(text: Path, progress: Callable[[], None]) -> tuple[str, ...]:
    """Every name in the order in which it first comes. Raises Unreadable for none, one, or more than 10,000."""
    found: dict[str, None] = {}
    for number, (_, record) in enumerate(_records(text)):
        if isinstance(record, dict):
            found.update(dict.fromkeys(record))
        if len(found) > MAX_COLUMNS:
            raise too_many_columns(len(found))
        if number % 50_000 == 0:
            progress()
    if len(found) < 2:
        raise Unreadable(
            "not_a_table",
            "This file holds no JSON objects with two names or more. JSON Lines have one object on each line, "
            'such as {"age": 31, "plan": "basic"}.',
        )
    return tuple(found)


def to_csv(text: Path, columns: tuple[str, ...], clean: Path) -> Tally:
    """Write the records of a UTF-8 file to `clean`, comma-separated without a header; name the lines left out."""
    tally = Tally()
    with clean.open("w", encoding="utf-8", errors="replace", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for number, record in _records(text):
            if record is None:
                tally.blank += 1
            elif isinstance(record, str):
                tally.reject(number, record)
            else:
                tally.kept += 1
                writer.writerow([_cell(record.get(column)) for column in columns])
    return tally


def _records(text: Path) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Every line with its number: a flat record, the reason why it is none, or None where it is blank."""
    with text.open(encoding="utf-8-sig", errors="replace", newline="\n") as lines:
        number = 0
        while line := lines.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith("\n"):
                _skip_rest(lines)
                yield number, _TOO_LONG
            elif line.isspace():
                yield number, None
            else:
                yield number, _record(line)


def _skip_rest(lines: Any) -> None:
    while (more := lines.readline(LONGEST_LINE)) and not more.endswith("\n"):
        pass


def _record(line: str) -> dict[str, Any] | str:
    """The object of a line with its numbers as they are written, or the reason why there is none."""
    try:
        found = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
        return _flat(found) if isinstance(found, dict) else _NO_OBJECT
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        return _NO_JSON


def _flat(record: dict[str, Any], prefix: str = "", depth: int = 1) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value and depth < DEEPEST:
            flat.update(_flat(value, f"{prefix}{name}.", depth + 1))
        else:
            flat[prefix + name] = value
    return flat


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
