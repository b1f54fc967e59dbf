"""What a person sees before moving production: from, to, how the figures differ, and what the checks say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registry import checks, comparison, promotion, versions
from registry.checks import Checks
from registry.models import ModelVersion, Move, RegisteredModel
from training.engine.metrics import lower_is_better


@dataclass(frozen=True)
class Row:
    """A version in a list. `gain` is its main metric less that in production, None when there is nothing to compare."""

    version: ModelVersion
    gain: float | None

    @property
    def better(self) -> str:
        return "down" if lower_is_better(self.version.main_metric) else "up"


@dataclass(frozen=True)
class Prospect:
    """A move that somebody is about to make."""

    action: Move
    model: RegisteredModel
    current: ModelVersion | None
    chosen: ModelVersion | None
    checks: Checks
    differences: tuple[comparison.Difference, ...]

    @property
    def button(self) -> str:
        """What the move is called, with its version."""
        version = self.chosen or self.current
        return f"{self.action.label} {version.title.lower()}" if version else str(self.action.label)


def to_promote(version: ModelVersion, *, evidence: str = "") -> Prospect:
    """Version into production, with the test run that is cited."""
    current = versions.production(version.model)
    found = checks.to_promote(checks.Case(version, current, evidence))
    return _prospect(Move.PROMOTE, version.model, current, version, found)


def to_roll_back(model: RegisteredModel) -> Prospect | None:
    """None when there is nothing to go back to."""
    current = versions.production(model)
    before = promotion.previous(current)
    if before is None:
        return None
    return _prospect(Move.ROLLBACK, model, current, before, checks.to_roll_back(checks.Case(before, current)))


def to_demote(model: RegisteredModel) -> Prospect | None:
    """None when nothing is in production."""
    current = versions.production(model)
    return _prospect(Move.DEMOTE, model, current, None, Checks(())) if current else None


def beside(current: ModelVersion | None, rows: Iterable[ModelVersion]) -> list[Row]:
    """Each version with its gain over the one in production."""
    return [Row(version, _gain(version, current)) for version in rows]


def _gain(version: ModelVersion, current: ModelVersion | None) -> float | None:
    if current is None or current.pk == version.pk or current.main_metric != version.main_metric:
        return None
    return version.main_value - current.main_value


def _prospect(
    action: Move,
    model: RegisteredModel,
    current: ModelVersion | None,
    chosen: ModelVersion | None,
    found: Checks,
) -> Prospect:
    figures = comparison.differences(current, chosen) if chosen else ()
    return Prospect(action, model, current, chosen, found, figures)
