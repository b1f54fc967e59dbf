"""Two to five versions of a model beside one another: what differs first, the figures with their uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

from django.utils.translation import gettext

from fynix.errors import Invalid
from fynix.templatetags.figures import bytes_, number
from registry.models import ModelVersion, RegisteredModel
from training import overlays, own
from training.engine import RunConfig
from training.engine.metrics import lower_is_better
from training.engine.report import RunReport, Score
from training.overlays import Overlay, Trace

FEWEST, MOST = 2, 5
NONE = "–"


@dataclass(frozen=True)
class Line:
    """One fact of each version, in the order of the versions."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Section:
    """Facts of one kind: those that differ, and how many are the same everywhere."""

    title: str
    lines: tuple[Line, ...]

    @property
    def different(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.differs)

    @property
    def equal(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if not line.differs)


@dataclass(frozen=True)
class Difference:
    """One test metric of two versions, each from its own held-back rows.

    `low` and `high` bound the 95 % interval of `change`: two independent estimates, so the half widths of their
    bootstrap intervals add as squares. None where either has no interval.
    """

    name: str
    before: Score | None
    after: Score

    @property
    def lower_is_better(self) -> bool:
        return lower_is_better(self.name)

    @property
    def change(self) -> float | None:
        return None if self.before is None else self.after.value - self.before.value

    @property
    def interval(self) -> tuple[float, float] | None:
        if self.before is None or self.change is None:
            return None
        wide = (_half(self.before), _half(self.after))
        if None in wide:
            return None
        half = hypot(wide[0] or 0.0, wide[1] or 0.0)
        return self.change - half, self.change + half

    @property
    def word(self) -> str:
        """Better or worse only when the interval of the difference leaves out zero."""
        if self.change is None:
            return ""
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return gettext("no clear difference")
        return gettext("better") if (self.change < 0) == self.lower_is_better else gettext("worse")


@dataclass(frozen=True)
class MetricLine:
    """One metric: the figure of the first version, and of each other its figure and difference from that."""

    name: str
    first: Score | None
    others: tuple[Difference | None, ...]


@dataclass(frozen=True)
class Comparison:
    versions: tuple[ModelVersion, ...]
    metrics: tuple[MetricLine, ...]
    sections: tuple[Section, ...]
    overlays: tuple[Overlay, ...]

    @property
    def equal_count(self) -> int:
        return sum(len(section.equal) for section in self.sections)


def chosen(model: RegisteredModel, numbers: Iterable[str]) -> tuple[ModelVersion, ...]:
    """The versions of these numbers, in this order, each once. Raises Invalid unless two to five of them exist."""
    wanted = list(dict.fromkeys(int(text) for text in numbers if text.isdecimal() and len(text) < 9))
    rows = model.versions.filter(number__in=wanted[: MOST + 1]).select_related(
        "run__outcome", "dataset_version__dataset", "model__project"
    )
    found = {row.number: row for row in rows.prefetch_related("artifacts")}
    if not FEWEST <= len(found) <= MOST or len(wanted) > MOST:
        raise Invalid(
            gettext("Choose {fewest} to {most} versions of {name} to compare.").format(
                fewest=FEWEST, most=MOST, name=model.name
            ),
            field="v",
        )
    return tuple(found[number] for number in wanted if number in found)


def compare(versions: Sequence[ModelVersion]) -> Comparison:
    """Everything that tells these versions apart; the first is what the others are measured against."""
    reports = [RunReport.from_json(version.run.outcome.report) for version in versions]
    traces = [Trace(version.title, "", report.curves) for version, report in zip(versions, reports, strict=True)]
    return Comparison(
        versions=tuple(versions),
        metrics=_metrics(reports),
        sections=(
            Section(gettext("Settings"), _table([_settings(version) for version in versions])),
            Section(gettext("Data"), _table([_data(*pair) for pair in zip(versions, reports, strict=True)])),
            Section(gettext("Signature"), _table([_signature(version) for version in versions])),
            Section(gettext("Weight of each column"), _table([_weights(report) for report in reports])),
            Section(gettext("Size and speed"), _table([_size(*pair) for pair in zip(versions, reports, strict=True)])),
        ),
        overlays=overlays.lay(traces, first=[reports[0].primary]),
    )


def differences(before: ModelVersion | None, after: ModelVersion) -> tuple[Difference, ...]:
    """Every test metric of `after`, beside that of `before`; the main metric first."""
    new = RunReport.from_json(after.run.outcome.report)
    old = RunReport.from_json(before.run.outcome.report).test if before else {}
    return tuple(Difference(name, old.get(name), new.test[name]) for name in _main_first([new]))


def _half(score: Score) -> float | None:
    return None if score.low is None or score.high is None else (score.high - score.low) / 2


def _main_first(reports: Sequence[RunReport]) -> list[str]:
    names = dict.fromkeys(name for report in reports for name in report.test)
    return sorted(names, key=lambda name: (name != reports[0].main, name))


def _metrics(reports: Sequence[RunReport]) -> tuple[MetricLine, ...]:
    first, others = reports[0], reports[1:]

    def beside(name: str, other: RunReport) -> Difference | None:
        return Difference(name, first.test.get(name), other.test[name]) if name in other.test else None

    return tuple(
        MetricLine(name, first.test.get(name), tuple(beside(name, other) for other in others))
        for name in _main_first(reports)
    )


def _table(facts: Sequence[dict[str, str]]) -> tuple[Line, ...]:
    names = dict.fromkeys(name for each in facts for name in each)
    return tuple(Line(name, tuple(each.get(name, NONE) for each in facts)) for name in names)


def _settings(version: ModelVersion) -> dict[str, str]:
    config = version.run.config
    apart = {"parameters", "own", "schema_version"}
    plain = {name: _said(value) for name, value in config.items() if name not in apart}
    written = own.written(RunConfig.from_json(config))
    return {
        **plain,
        "own": ", ".join(map(str, written)) or NONE,
        **{name: _said(value) for name, value in sorted(config["parameters"].items())},
    }


def _data(version: ModelVersion, report: RunReport) -> dict[str, str]:
    table = version.dataset_version
    return {
        gettext("Dataset"): f"{table.dataset.name} v{table.number}",
        gettext("Hash of the table"): table.sha256[:12],
        gettext("Rows to learn from"): number(report.sizes["train"]),
        gettext("Rows for validation"): number(report.sizes["valid"]),
        gettext("Rows to test on"): number(report.sizes["test"]),
    }


def _signature(version: ModelVersion) -> dict[str, str]:
    schema = version.schema
    target = {gettext("Target"): schema["target"], gettext("Threshold"): _said(schema["threshold"])}
    if schema["classes"]:
        target[gettext("Classes")] = ", ".join(schema["classes"])
    return {**target, **{column["name"]: _column(column) for column in schema["columns"]}}


def _column(column: dict[str, Any]) -> str:
    if column["kind"] == "category":
        return gettext("category, %(n)s values") % {"n": number(len(column["categories"]))}
    if column["minimum"] is None:
        return gettext("number")
    return gettext("number, %(low)s to %(high)s") % {
        "low": f"{column['minimum']:g}",
        "high": f"{column['maximum']:g}",
    }


def _weights(report: RunReport) -> dict[str, str]:
    return {item.column: f"{item.share:.1%}" for item in report.importance}


def _size(version: ModelVersion, report: RunReport) -> dict[str, str]:
    files = {file.format: bytes_(file.size_bytes) for file in version.artifacts.all() if file.format != "bundle"}
    return {
        gettext("Trees kept"): number(report.best_round),
        gettext("Seconds to train"): f"{sum(report.seconds.values()):.1f}",
        gettext("Model"): bytes_(version.run.outcome.model_bytes),
        **dict(sorted(files.items())),
    }


def _said(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or NONE
    return NONE if value is None or value == "" else f"{value:g}" if isinstance(value, float) else str(value)
