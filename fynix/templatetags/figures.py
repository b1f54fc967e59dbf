"""Figures as people read them: `{{ size|bytes_ }}`, `{{ n|number }}`, `{{ share|percent }}`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import template

register = template.Library()

NOTHING = "–"
DURATION_WORDS: tuple[tuple[float, Callable[[float], str]], ...] = (
    (0.9995, lambda s: f"{s * 1000:.0f} ms"),
    (9.95, lambda s: f"{s:.1f} s"),
    (59.5, lambda s: f"{s:.0f} s"),
    (3599.5, lambda s: f"{round(s) // 60} min {round(s) % 60:02} s"),
    (86399.5, lambda s: f"{round(s) // 3600} h {round(s) % 3600 // 60:02} min"),
)
"""Upper limit in seconds, and how to say what is below it."""
BYTE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def as_number(value: Any) -> float | int | None:
    """`value` as an int or float, or None when it is no finite number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    try:
        parsed = float(value)
    except (TypeError, ValueError):
        return None
    return parsed if parsed - parsed == 0 else None


@register.filter
def bytes_(value: Any) -> str:
    """Size in decimal units: 5_300_000_000 is `5.3 GB`."""
    size = as_number(value)
    if size is None:
        return NOTHING
    if abs(size) < 1000:
        return f"{int(size)} bytes"
    power = 0
    while abs(size) >= 999.5 and power < len(BYTE_UNITS) - 1:
        size, power = size / 1000, power + 1
    return f"{size:.1f} {BYTE_UNITS[power]}" if abs(size) < 99.95 else f"{size:.0f} {BYTE_UNITS[power]}"


@register.filter
def number(value: Any, digits: int | None = None) -> str:
    """Thousands separated; `digits` fixes the decimals, else four significant figures are kept."""
    parsed = as_number(value)
    if parsed is None:
        return NOTHING if value is None or isinstance(value, float) else str(value)
    if digits is not None:
        return minus(f"{parsed:,.{digits}f}")
    if isinstance(parsed, int) or (parsed.is_integer() and abs(parsed) < 1e15):
        return minus(f"{int(parsed):,}")
    if abs(parsed) >= 1000:
        return minus(f"{parsed:,.0f}" if abs(parsed) < 1e15 else f"{parsed:.3e}")
    return minus(f"{parsed:.4g}")


@register.filter
def percent(share: Any, digits: int = 1) -> str:
    """A share of 0 to 1 as a percentage; a share too small to show is `<0.1%`, never `0.0%`."""
    parsed = as_number(share)
    if parsed is None:
        return NOTHING
    least = 10.0**-digits
    if 0 < parsed * 100 < least:
        return f"<{least:.{digits}f}%"
    if 100 - least < parsed * 100 < 100:
        return f">{100 - least:.{digits}f}%"
    if parsed in (0, 1):
        return f"{parsed:.0%}"
    return minus(f"{parsed * 100:.{digits}f}%")


@register.filter
def duration(value: Any) -> str:
    """Seconds or a timedelta, in its two largest units: `3 min 05 s`."""
    seconds = as_number(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds is None:
        return NOTHING
    for limit, words in DURATION_WORDS:
        if seconds < limit:
            return words(seconds)
    return f"{round(seconds) // 86400} d {round(seconds) % 86400 // 3600} h"


def minus(text: str) -> str:
    """A true minus sign in place of the hyphen."""
    return text.replace("-", "\u2212", 1) if text.startswith("-") else text
