"""The geometry of the profile's small drawings: rectangles in a view box; the template writes them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext, ngettext

from datasets.profiling import ColumnProfile, Histogram
from fynix.templatetags.figures import number

GAP = 1.0
LEAST_HEIGHT = 1.5  # a bar with rows in it is never invisible
MOST_VALUES = 12


@dataclass(frozen=True)
class Bar:
    """One rectangle in view-box units; `look` is the CSS class, `label` what it stands for."""

    x: str
    y: str
    width: str
    height: str
    look: str
    label: str


@dataclass(frozen=True)
class Drawing:
    """Bars with what stands at their ends, and the whole in words for those who cannot see it."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    low: str
    high: str
    words: str


@dataclass(frozen=True)
class _Slot:
    count: int
    label: str
    look: str = "bar"


def bars_of(column: ColumnProfile, *, width: int, height: int) -> Drawing | None:
    """The column's histogram, else its top values; None where there is nothing to draw."""
    if column.histogram is not None:
        slots = _of_histogram(column.histogram)
        low, high = _ends(column.histogram)
    elif repeats(column):
        slots = _of_top(column)
        low = high = ""
    else:
        return None
    words = "; ".join(slot.label for slot in slots if slot.count)
    return Drawing(width, height, _placed(slots, width, height), low, high, f"{column.name}: {words}")


def repeats(column: ColumnProfile) -> bool:
    """Whether any value comes more than once, so that its top values say something."""
    return bool(column.top) and column.top[0].count > 1


def _of_histogram(bars: Histogram) -> list[_Slot]:
    slots = [_Slot(count, f"{label}: {_rows(count)}") for label, count in zip(_labels(bars), bars.counts, strict=True)]
    if bars.below:
        slots.insert(
            0, _Slot(bars.below, _outside(gettext("below %(edge)s: %(rows)s"), bars.edges[0], bars.below), "bar-accent")
        )
    if bars.above:
        slots.append(
            _Slot(bars.above, _outside(gettext("above %(edge)s: %(rows)s"), bars.edges[-1], bars.above), "bar-accent")
        )
    return slots


def _of_top(column: ColumnProfile) -> list[_Slot]:
    shown = column.top[:MOST_VALUES]
    slots = [_Slot(value.count, f"{value.value}: {_rows(value.count)}") for value in shown]
    rest = column.other + sum(value.count for value in column.top[MOST_VALUES:])
    return (
        [*slots, _Slot(rest, gettext("all others: %(rows)s") % {"rows": _rows(rest)}, "bar-muted")] if rest else slots
    )


def _labels(bars: Histogram) -> list[str]:
    edges = [_edge(edge) for edge in bars.edges]
    if bars.scale == "values":
        return edges
    words = gettext("%(low)s to %(high)s")
    return [words % {"low": low, "high": high} for low, high in pairwise(edges)]


def _ends(bars: Histogram) -> tuple[str, str]:
    low, high = _edge(bars.edges[0]), _edge(bars.edges[-1])
    return low, gettext("%(n)s characters") % {"n": high} if bars.scale == "length" else high


def _outside(words: str, edge: float | int | str, count: int) -> str:
    return words % {"edge": _edge(edge), "rows": _rows(count)}


def _edge(edge: float | int | str) -> str:
    return edge if isinstance(edge, str) else number(edge)


def _rows(count: int) -> str:
    return ngettext("%(rows)s row", "%(rows)s rows", count) % {"rows": number(count)}


def _placed(slots: Sequence[_Slot], width: int, height: int) -> tuple[Bar, ...]:
    most = max((slot.count for slot in slots), default=0) or 1
    step = width / max(len(slots), 1)
    return tuple(
        _bar(slot, x=index * step, width=min(step - GAP, 48.0), height=height, share=slot.count / most)
        for index, slot in enumerate(slots)
    )


def _bar(slot: _Slot, *, x: float, width: float, height: int, share: float) -> Bar:
    tall = max(share * height, LEAST_HEIGHT) if slot.count else 0.0
    return Bar(f"{x:.2f}", f"{height - tall:.2f}", f"{max(width, 0.5):.2f}", f"{tall:.2f}", slot.look, slot.label)
