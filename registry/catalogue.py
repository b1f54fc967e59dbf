"""One list of every run and the version that came of it, over all projects that a person may see.

Every run that ended with a model has a version, and no version is without a run: a row is a run, with its version when
there is one. Sorted by a metric the list holds the rows that have it, and is read from the index of that metric.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.timezone import get_current_timezone

from accounts.models import Project
from fynix import paging, prefix
from fynix.queue.models import State
from registry.models import ModelVersion
from training.models import Run, RunMetric

NEWEST = "newest"
BY_TIME = {NEWEST: ("-created_at", "-pk"), "oldest": ("created_at", "pk")}
BEGINS = prefix.Begins.lookup_name
Cut = Callable[..., paging.Page[Any]]
TABLE = re.compile(r"(?P<slug>.+?)\s+v(?P<number>\d{1,9})", re.IGNORECASE)
STATES: dict[str, Q] = {
    **{state: Q(job__state=state) for state in State.values},
    "version": Q(model_version__isnull=False),
    "production": Q(model_version__is_production=True),
    "pinned": Q(model_version__pin__isnull=False),
    "archived": Q(model_version__archived_at__isnull=False),
}
"""What a row can be asked to be: the state of its run, or what its version is."""


@dataclass(frozen=True)
class Wish:
    """What somebody looks for; empty fields ask for nothing. `least` and `most` bound `metric`.

    `text` begins the name of the run or is that of the model; `table` is a dataset's address, with or without " v2".
    """

    text: str = ""
    project: str = ""
    table: str = ""
    creator: str = ""
    tag: str = ""
    state: str = ""
    metric: str = ""
    least: float | None = None
    most: float | None = None
    since: date | None = None
    until: date | None = None
    sort: str = NEWEST

    @property
    def is_by_metric(self) -> bool:
        return self.sort not in BY_TIME

    @property
    def shown_metric(self) -> str:
        """The metric whose figures the list shows; empty: each row's own main one."""
        return self.sort.lstrip("-") if self.is_by_metric else self.metric


@dataclass(frozen=True)
class Entry:
    """One row of the list."""

    run: Run
    version: ModelVersion | None
    metric: str
    value: float | None


def page(projects: QuerySet[Project], wish: Wish, request: HttpRequest, *, cut: Cut) -> paging.Page[Any]:
    """One page of entries in the wished order, as `cut`, paging.page or paging.shown, reads it from the request.

    Costs the same number of queries however many rows there are. Raises what `cut` raises.
    """
    within = projects.filter(slug=wish.project) if wish.project else projects
    if wish.is_by_metric:
        values = RunMetric.objects.filter(_asked(wish, "run__"), name=wish.shown_metric)
        rows = values.select_related(*_parts("run__")).defer(*_heavy("run__"))
        sign = "-" if wish.sort.startswith("-") else ""
        order = (f"{sign}value", f"{sign}run_id")
        found = cut(_labelled(rows, "run__"), request, order=order, projects=within)
        entries = [Entry(each.run, _version(each.run), each.name, each.value) for each in found.rows]
        return paging.Page(entries, found.next_cursor)
    runs = Run.objects.filter(_asked(wish, "")).select_related(*_parts("")).defer(*_heavy(""))
    listed = cut(_labelled(runs, ""), request, order=BY_TIME[wish.sort], projects=within)
    return paging.Page(_with_values(listed.rows, wish.shown_metric), listed.next_cursor)


def _asked(wish: Wish, prefix: str) -> Q:
    """Every condition of the wish on rows whose run is at `prefix`."""
    asked = {
        "created_by__email__istartswith": wish.creator,
        "model_version__tags__text": wish.tag.lower(),
        "created_at__gte": _midnight(wish.since),
        "created_at__lt": _midnight(wish.until, days=1),
        **_table(wish.table),
    }
    found = Q(**{f"{prefix}{name}": value for name, value in asked.items() if value})
    if wish.text:
        named = {f"{prefix}name_key__{BEGINS}": wish.text}, {f"{prefix}model_name": wish.text.lower()}
        found &= Q(**named[0]) | Q(**named[1])
    if wish.state:
        found &= _moved(STATES[wish.state], prefix)
    if wish.metric and (wish.least is not None or wish.most is not None):
        found &= Q(**{f"{prefix}pk__in": _measured(wish)})
    return found


def _moved(condition: Q, prefix: str) -> Q:
    ((name, value),) = condition.children  # type: ignore[misc]  # each is one plain condition
    return Q(**{f"{prefix}{name}": value})


def _measured(wish: Wish) -> QuerySet[RunMetric, str]:
    bounds = {"value__gte": wish.least, "value__lte": wish.most}
    within = {name: value for name, value in bounds.items() if value is not None}
    return RunMetric.objects.filter(name=wish.metric, **within).values_list("run_id", flat=True)


def _table(text: str) -> Mapping[str, Any]:
    if not text:
        return {}
    named = TABLE.fullmatch(text.strip())
    if named is None:
        return {"dataset_version__dataset__slug": text.strip().lower()}
    return {
        "dataset_version__dataset__slug": named["slug"].lower(),
        "dataset_version__number": int(named["number"]),
    }


def _midnight(day: date | None, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day, time.min, get_current_timezone()) + timedelta(days=days)


def _parts(prefix: str) -> tuple[str, ...]:
    """What a row shows besides its run."""
    names = ("job", "created_by", "project", "dataset_version__dataset", "model_version__model", "model_version__pin")
    return tuple(f"{prefix}{name}" for name in names)


def _heavy(prefix: str) -> tuple[str, ...]:
    """What no row shows, and would cost most of the reading."""
    return tuple(f"{prefix}{name}" for name in ("config", "model_version__schema", "model_version__card"))


def _labelled(rows: QuerySet[Any], prefix: str) -> QuerySet[Any]:
    return rows.prefetch_related(f"{prefix}model_version__tags", f"{prefix}model_version__aliases")


def _version(run: Run) -> ModelVersion | None:
    return getattr(run, "model_version", None)


def _with_values(runs: list[Run], metric: str) -> list[Entry]:
    """The rows, each with its figure of that metric, or of its own main one."""
    if not metric:
        return [Entry(run, _version(run), run.main_metric, run.main_value) for run in runs]
    values = dict(RunMetric.objects.filter(run__in=runs, name=metric).values_list("run_id", "value"))
    return [Entry(run, _version(run), metric, values.get(run.pk)) for run in runs]
