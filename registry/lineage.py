"""Where a version comes from and what became of it; what was made of a table. Always from left to right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from datasets.models import DatasetVersion
from registry.models import ModelVersion, Promotion
from training.models import Run

MOST = 100  # of one kind; the newest


@dataclass(frozen=True)
class Node:
    """One thing that was made or done, by whom and when. `parent` is the title of what it came from."""

    kind: str
    title: str
    detail: str
    url: str
    by: str
    at: datetime
    parent: str = ""


@dataclass(frozen=True)
class Step:
    """Everything of one kind."""

    title: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Lineage:
    """Table, runs, versions, moves of production, evidence, in this order."""

    steps: tuple[Step, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for step in self.steps for node in step.nodes)


def of_version(version: ModelVersion) -> Lineage:
    """Back to the table and forward to every move and every test."""
    return _lineage([version.dataset_version], [version.run], [version])


def of_table(table: DatasetVersion) -> Lineage:
    """Forward to every run on it, every version that came of them, and what became of these."""
    runs = list(table.runs.select_related("project", "created_by", "job").defer("config").order_by("-number")[:MOST])
    made = table.model_versions.select_related("model__project", "run", "created_by").defer("schema", "card")
    return _lineage([table], runs, list(made.order_by("-created_at")[:MOST]))


def _lineage(tables: list[DatasetVersion], runs: list[Run], versions: list[ModelVersion]) -> Lineage:
    names = {version.pk: _version_title(version) for version in versions}
    moves = (
        Promotion.objects.filter(to_version__in=names)
        .select_related("by", "model__project", "to_version")
        .defer("to_version__schema", "to_version__card")
        .order_by("-at")[:MOST]
    )
    return Lineage(
        (
            Step(gettext("Table"), tuple(map(_table, tables))),
            Step(gettext("Run"), tuple(_run(run, tables[0]) for run in runs)),
            Step(gettext("Version"), tuple(map(_version, versions))),
            Step(gettext("Production"), tuple(_move(move, names[str(move.to_version_id)]) for move in moves)),
            Step(gettext("Evidence"), tuple(_evidence(versions, names))),
        )
    )


def _table(table: DatasetVersion) -> Node:
    dataset = table.dataset
    url = reverse("dataset-version", args=[dataset.project.slug, dataset.slug, table.number])
    return Node("table", _table_title(table), table.sha256[:12], url, _who(table.created_by), table.created_at)


def _run(run: Run, table: DatasetVersion) -> Node:
    url = reverse("run", args=[run.project.slug, run.number])
    title = _run_title(run)
    detail = "" if run.name == title else run.name  # a run that nobody named is called by its number
    return Node("chart", title, detail, url, _who(run.created_by), run.created_at, _table_title(table))


def _version(version: ModelVersion) -> Node:
    model = version.model
    url = reverse("model-version", args=[model.project.slug, model.name, version.number])
    state = gettext("In production") if version.is_production else version.get_state_display()
    title = _version_title(version)
    return Node("box", title, str(state), url, _who(version.created_by), version.created_at, _run_title(version.run))


def _move(move: Promotion, title: str) -> Node:
    url = reverse("model", args=[move.model.project.slug, move.model.name])
    return Node("shield", str(move.get_action_display()), move.reason, url, _who(move.by), move.at, title)


def _evidence(versions: list[ModelVersion], names: dict[str, str]) -> Iterable[Node]:
    for version in versions:
        model = version.model
        url = reverse("model-version", args=[model.project.slug, model.name, version.number]) + "#evidence"
        rows = version.test_runs.select_related("created_by").defer("document").order_by("-created_at")
        for run in rows[: MOST // len(versions) or 1]:
            detail = run.sha256[:12]
            yield Node("flask", run.title, detail, url, _who(run.created_by), run.created_at, names[version.pk])


def _table_title(table: DatasetVersion) -> str:
    return f"{table.dataset.name} v{table.number}"


def _run_title(run: Run) -> str:
    return gettext("Run %(n)s") % {"n": run.number}


def _version_title(version: ModelVersion) -> str:
    return f"{version.model.name} v{version.number}"


def _who(person: User) -> str:
    return person.email
