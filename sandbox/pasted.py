"""Rows that somebody pasted or sent as JSON, made into the JSON Lines that every other file of rows is read from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from fynix.errors import Invalid

FILENAME = "pasted.jsonl"


def read(text: str, *, field: str) -> bytes:
    """A list of rows, one row, or a row on each line. Raises Invalid, which names the row that is wrong."""
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return lines(_line_by_line(text, field), field=field)
    return lines(found if isinstance(found, list) else [found], field=field)


def lines(rows: Sequence[Any], *, field: str) -> bytes:
    """Rows as JSON Lines. Raises Invalid unless each is an object of texts, numbers, true, false and null."""
    if not rows:
        raise Invalid(_("There is no row in it. Give at least one object."), field=field)
    for place, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise Invalid(_("Row {n} is no object of columns and values.").format(n=place), field=field)
        wrong = [name for name, value in row.items() if not isinstance(value, str | int | float | bool | None)]
        if wrong:
            raise Invalid(_("Row {n}: “{name}” takes one text or number.").format(n=place, name=wrong[0]), field=field)
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return text.encode("utf-8", "replace")


def _line_by_line(text: str, field: str) -> list[Any]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            rows += [json.loads(line, parse_constant=_no_number)] if line.strip() else []
        except (ValueError, RecursionError):
            raise Invalid(
                _("This is no JSON from line {n} on. Paste a list of objects, or one object on each line.").format(
                    n=number
                ),
                field=field,
            ) from None
    return rows


def _no_number(word: str) -> NoReturn:
    """NaN and Infinity are no JSON, whatever Python says."""
    raise ValueError(word)
