"""Geometry of the waterfall: how each column moved the answer, from the average to this row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import ngettext

from sandbox.evidence import Contribution, SingleTest

SHOWN = 10
LEAST_WIDTH = 0.5  # percent: a step is never invisible


@dataclass(frozen=True)
class Bar:
    """One step of the waterfall; `x` and `width` are percents of the drawing's width."""

    label: str
    value: str
    amount: float
    x: float
    width: float

    @property
    def tone(self) -> str:
        return "bar-up" if self.amount >= 0 else "bar-down"


@dataclass(frozen=True)
class Waterfall:
    """Bars from top to bottom; `start` is the average's place in percent."""

    bars: tuple[Bar, ...]
    start: float
    bias: float
    margin: float


@dataclass(frozen=True)
class WhatIf:
    """The answer to the row as it was, and what the change of it did. `moved` is in margin space; `difference` is of
    the probability of the explained class, or of the number of a regression."""

    answer: str | float
    probability: float | None
    now_probability: float | None
    changed: tuple[tuple[str, str, str], ...]
    moved: float
    difference: float


def what_if(former: SingleTest, now: SingleTest) -> WhatIf | None:
    """Columns that changed with their former and present values, and how the score of the explained class moved."""
    changed = tuple(
        (name, _cell(former.inputs.get(name)), _cell(value))
        for name, value in now.inputs.items()
        if _cell(former.inputs.get(name)) != _cell(value)
    )
    if not changed:
        return None
    same = former.explained == now.explained
    return WhatIf(
        former.answer,
        former.probabilities.get(now.explained),
        now.probabilities.get(now.explained),
        changed,
        now.margin - former.margin if same else 0.0,
        _said(now, now.explained) - _said(former, now.explained),
    )


def _said(test: SingleTest, label: str) -> float:
    return test.probabilities[label] if test.probabilities else float(test.answer)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def waterfall(test: SingleTest) -> Waterfall:
    """The strongest contributions one by one, the rest as one step; together they end at the margin."""
    steps = _steps(test.contributions)
    totals = [test.bias]
    for step in steps:
        totals.append(totals[-1] + step.amount)
    low = min(totals)
    spread = (max(totals) - low) or 1.0
    places = [100 * (total - low) / spread for total in totals]
    bars = tuple(_bar(step, before, after) for step, before, after in zip(steps, places, places[1:], strict=False))
    return Waterfall(bars, places[0], test.bias, test.margin)


def _steps(contributions: Sequence[Contribution]) -> list[Contribution]:
    shown = [each for each in contributions[:SHOWN] if each.amount]
    rest = contributions[SHOWN:]
    if rest:
        name = ngettext("%(n)s more column", "%(n)s more columns", len(rest)) % {"n": len(rest)}
        shown.append(Contribution(name, "", sum(each.amount for each in rest)))
    return shown


def _bar(step: Contribution, before: float, after: float) -> Bar:
    width = max(abs(after - before), LEAST_WIDTH)
    return Bar(step.column, step.value, step.amount, min(before, after, 100 - width), width)
