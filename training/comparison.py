"""Several runs side by side: what was asked of them differently, how they did, and their curves in one drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from fynix.errors import Invalid
from training import runs, story, words
from training.engine import RunConfig
from training.engine.metrics import LOWER_IS_BETTER
from training.engine.recipes import ALIASES, METRICS
from training.engine.report import Curves, RunReport, Score
from training.models import Run

FEWEST, MOST = 2, 5
WIDTH, HEIGHT = 640.0, 240.0
TABLE_ROWS = 20


class NotComparable(Invalid):
    """Too few runs, or too many."""


@dataclass(frozen=True)
class Setting:
    """One setting and what each run had for it."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Result:
    """One test metric and each run's score; `best` is the place of the best one, None where all are equal."""

    metric: str
    scores: tuple[Score | None, ...]
    best: int | None


@dataclass(frozen=True)
class Line:
    """One run's curve in SVG units; `look` is the number of its colour and dashes."""

    name: str
    number: int
    look: int
    points: str
    end: float


@dataclass(frozen=True)
class Overlay:
    """The validation curves of one metric. `rows` are (round, value of each run) for the table."""

    metric: str
    lines: tuple[Line, ...]
    rows: tuple[tuple[int, tuple[float | None, ...]], ...]
    last: int
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    runs: tuple[Run, ...]
    differing: tuple[Setting, ...]
    equal: tuple[Setting, ...]
    results: tuple[Result, ...]
    overlays: tuple[Overlay, ...]


def chosen(project: Project, numbers: Sequence[str]) -> tuple[Run, ...]:
    """The runs of these numbers, oldest first. Raises NotComparable for fewer than two and for more than five."""
    wanted = {int(text) for text in numbers if text.isascii() and text.isdigit() and len(text) < 10}
    rows: QuerySet[Run] = runs.listed(project).select_related("outcome")
    found = tuple(rows.filter(number__in=wanted).order_by("number")[: MOST + 1])
    if not FEWEST <= len(found) <= MOST:
        raise NotComparable(gettext("Choose two to five runs of this project to compare."), field="run")
    return found


def compare(found: tuple[Run, ...]) -> Comparison:
    """Settings that differ first, test results, and every metric's curves over each other."""
    reports = [RunReport.from_json(run.outcome.report) if hasattr(run, "outcome") else None for run in found]
    curves = [report.curves if report else story.read(run).curves() for run, report in zip(found, reports, strict=True)]
    asked = _settings(found)
    return Comparison(
        runs=found,
        differing=tuple(setting for setting in asked if setting.differs),
        equal=tuple(setting for setting in asked if not setting.differs),
        results=_results(reports),
        overlays=tuple(_overlay(metric, found, curves) for metric in _followed(found, curves)),
    )


READERS: tuple[tuple[object, Callable[[Run, RunConfig], object]], ...] = (
    (_("Table"), lambda run, config: f"{run.dataset_version.dataset.name} v{run.dataset_version.number}"),
    (_("Target"), lambda run, config: config.target),
    (_("Kind of answer"), lambda run, config: words.TASKS[config.task]),
    (_("Recipe"), lambda run, config: words.RECIPES[config.recipe]),
    (_("Left out"), lambda run, config: ", ".join(sorted({*config.exclude, *config.personal}))),
    (_("Rows kept together by"), lambda run, config: config.group),
    (_("Judged on the newest by"), lambda run, config: config.time),
    (_("Share for the test"), lambda run, config: config.test_share),
    (_("Further metrics"), lambda run, config: ", ".join(str(words.METRICS[name]) for name in config.metrics)),
    (_("Seed"), lambda run, config: config.seed),
)
"""Settings by their name for people."""


def _settings(found: Sequence[Run]) -> list[Setting]:
    configs = [RunConfig.from_json(run.config) for run in found]
    pairs = list(zip(found, configs, strict=True))
    named = [
        Setting(str(name), tuple(str(read(run, config)) or "–" for run, config in pairs)) for name, read in READERS
    ]
    own = [{ALIASES.get(name, name): value for name, value in config.parameters.items()} for config in configs]
    keys = sorted({key for each in own for key in each})
    return named + [Setting(key, tuple(str(each.get(key, "–")) for each in own)) for key in keys]


def _results(reports: Sequence[RunReport | None]) -> tuple[Result, ...]:
    names = list(dict.fromkeys(name for report in reports if report for name in report.test))
    return tuple(
        _result(name, tuple(report.test.get(name) if report else None for report in reports)) for name in names
    )


def _result(metric: str, scores: tuple[Score | None, ...]) -> Result:
    known = {place: score.value for place, score in enumerate(scores) if score}
    if len(set(known.values())) < 2:
        return Result(metric, scores, None)
    pick = min if metric in LOWER_IS_BETTER else max
    return Result(metric, scores, pick(known, key=lambda place: known[place]))


def _followed(found: Sequence[Run], curves: Sequence[Curves]) -> list[str]:
    """Metrics of the validation rows, the losses of the runs' tasks first."""
    first = [METRICS[run.task][0] for run in found]  # type: ignore[index]
    there = [name.removeprefix("valid-") for each in curves for name in each.values if name.startswith("valid-")]
    return [name for name in dict.fromkeys([*first, *there]) if name in there]


def _overlay(metric: str, found: Sequence[Run], curves: Sequence[Curves]) -> Overlay:
    series = [dict(zip(each.steps, each.values.get(f"valid-{metric}", ()), strict=False)) for each in curves]
    values = [value for each in series for value in each.values() if value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    last = max((step for each in series for step in each), default=1)
    lines = tuple(
        line
        for place, (run, each) in enumerate(zip(found, series, strict=True))
        if (line := _line(run, place + 1, each, last=last, low=low, high=high))
    )
    rows = tuple((step, tuple(each.get(step) for each in series)) for step in _even(series))
    return Overlay(metric, lines, rows, last, low, high)


def _line(run: Run, look: int, series: dict[int, float | None], *, last: int, low: float, high: float) -> Line | None:
    def place(step: int, value: float) -> tuple[float, float]:
        return WIDTH * (step - 1) / max(1, last - 1), HEIGHT * (high - value) / ((high - low) or 1.0)

    dots = [place(step, value) for step, value in series.items() if value is not None]
    if not dots:
        return None
    return Line(run.name, run.number, look, " ".join(f"{x:.1f},{y:.1f}" for x, y in dots), dots[-1][1])


def _even(series: Sequence[dict[int, float | None]]) -> list[int]:
    """About TABLE_ROWS rounds of all that any run has, the last of each among them."""
    steps = sorted({step for each in series for step in each})
    every = max(1, len(steps) // TABLE_ROWS)
    return sorted({*steps[::every], *(max(each) for each in series if each)})
