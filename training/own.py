"""Metrics that people wrote as formulas: which there are, and what is told of those of one run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext

from training import words
from training.engine import RunConfig
from training.engine.report import RunReport
from training.models import RunMetric

LISTED = 100


@dataclass(frozen=True)
class Written:
    """One metric that a person wrote; `fault` says why it has no value on the test rows, and may be empty."""

    name: str
    formula: str
    better: str
    fault: str

    def __str__(self) -> str:
        return gettext("%(name)s = %(formula)s; %(better)s") % {
            "name": self.name,
            "formula": self.formula,
            "better": self.better,
        }


def written(config: RunConfig, report: RunReport | None = None) -> tuple[Written, ...]:
    """What the person wrote who asked for a run, in order."""
    faults = report.unavailable if report else {}
    return tuple(
        Written(each.name, each.formula, str(words.BETTER[each.better]), faults.get(each.key, ""))
        for each in config.own
    )


def known(projects: Iterable[str]) -> list[str]:
    """Keys of the metrics that people of these projects wrote and that have values, by name; at most LISTED."""
    rows = RunMetric.objects.filter(project__in=list(projects), is_own=True)
    # In the order of the index run_metric_own, else SQLite walks all metrics of the projects.
    pairs = rows.order_by("project", "name").values_list("project", "name").distinct()
    return sorted({name for _, name in pairs})[:LISTED]
