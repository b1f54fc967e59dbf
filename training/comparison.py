"""Several runs side by side: what was asked of them differently, how they did, and their curves in one drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from fynix.errors import Invalid
from training import overlays, own, runs, story, words
from training.engine import RunConfig
from training.engine.metrics import lower_is_better
from training.engine.recipes import ALIASES, METRICS
from training.engine.report import RunReport, Score
from training.models import Run
from training.overlays import Overlay, Trace

FEWEST, MOST = 2, 5


class NotComparable(Invalid):
    """Too few runs, or too many."""


@dataclass(frozen=True)
class Setting:
    """One setting and what each run had for it: in `values` for people, in `asked` as programs write it."""

    key: str
    name: str
    values: tuple[str, ...]
    asked: tuple[object, ...]

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
class Comparison:
    runs: tuple[Run, ...]
    differing: tuple[Setting, ...]
    equal: tuple[Setting, ...]
    results: tuple[Result, ...]
    traces: tuple[Trace, ...]
    overlays: tuple[Overlay, ...]

    @property
    def settings(self) -> tuple[Setting, ...]:
        return self.differing + self.equal


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
    traces = tuple(_trace(run, report) for run, report in zip(found, reports, strict=True))
    asked = _settings(found)
    return Comparison(
        runs=found,
        differing=tuple(setting for setting in asked if setting.differs),
        equal=tuple(setting for setting in asked if not setting.differs),
        results=_results(reports),
        traces=traces,
        overlays=overlays.lay(traces, first=[METRICS[run.task][0] for run in found]),  # type: ignore[index]
    )


READERS: tuple[tuple[str, object, Callable[[Run, RunConfig], object]], ...] = (
    (
        "dataset_version_id",
        _("Table"),
        lambda run, config: f"{run.dataset_version.dataset.name} v{run.dataset_version.number}",
    ),
    ("target", _("Target"), lambda run, config: config.target),
    ("task", _("Kind of answer"), lambda run, config: words.TASKS[config.task]),
    ("recipe", _("Recipe"), lambda run, config: words.RECIPES[config.recipe]),
    ("exclude", _("Left out"), lambda run, config: ", ".join(sorted({*config.exclude, *config.personal}))),
    ("group", _("Rows kept together by"), lambda run, config: config.group),
    ("time", _("Judged on the newest by"), lambda run, config: config.time),
    ("test_share", _("Share for the test"), lambda run, config: config.test_share),
    (
        "metrics",
        _("Further metrics"),
        lambda run, config: ", ".join(words.metric(name) for name in config.metrics),
    ),
    ("own", _("Own metrics"), lambda run, config: ", ".join(map(str, own.written(config)))),
    ("seed", _("Seed"), lambda run, config: config.seed),
)
"""Settings: their key in a wish for a run, their name for people, and what people read of them."""


def _settings(found: Sequence[Run]) -> list[Setting]:
    configs = [RunConfig.from_json(run.config) for run in found]
    pairs = list(zip(found, configs, strict=True))
    asked = [{**config.to_json(), "dataset_version_id": run.dataset_version_id} for run, config in pairs]
    named = [
        Setting(
            key,
            str(name),
            tuple(str(read(run, config)) or "–" for run, config in pairs),
            tuple(each[key] for each in asked),
        )
        for key, name, read in READERS
    ]
    set_by_hand = [{ALIASES.get(name, name): value for name, value in config.parameters.items()} for config in configs]
    keys = sorted({key for each in set_by_hand for key in each})
    return named + [
        Setting(
            key,
            key,
            tuple(str(each.get(key, "–")) for each in set_by_hand),
            tuple(each.get(key) for each in set_by_hand),
        )
        for key in keys
    ]


def _trace(run: Run, report: RunReport | None) -> Trace:
    number = gettext("no. %(n)s") % {"n": run.number}
    return Trace(run.name, number, report.curves if report else story.read(run).curves())


def _results(reports: Sequence[RunReport | None]) -> tuple[Result, ...]:
    names = list(dict.fromkeys(name for report in reports if report for name in report.test))
    return tuple(
        _result(name, tuple(report.test.get(name) if report else None for report in reports)) for name in names
    )


def _result(metric: str, scores: tuple[Score | None, ...]) -> Result:
    known = {place: score.value for place, score in enumerate(scores) if score}
    if len(set(known.values())) < 2:
        return Result(metric, scores, None)
    pick = min if lower_is_better(metric) else max
    return Result(metric, scores, pick(known, key=lambda place: known[place]))
