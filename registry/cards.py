"""The model card of a version, written from what the database knows."""

from __future__ import annotations

from collections.abc import Iterator

from registry import formats
from registry.exporters.card import CardFacts, Metric, card
from registry.models import ModelVersion
from training.engine import RunConfig
from training.engine.report import RunReport
from training.engine.schema import ModelSchema
from training.narrative.shape import named

BASELINES = {
    "binary": "always answering the training share of each class",
    "multiclass": "always answering the training share of each class",
    "regression": "always answering the training mean",
}
SMALL_TEST = 100
LICENCE = "other"


def write(version: ModelVersion) -> str:
    """The card in Markdown."""
    return card(ModelSchema.from_json(version.schema), _facts(version))


def labels(version: ModelVersion) -> dict[str, str]:
    """Short facts that travel inside each file."""
    return {
        "project": version.model.project.slug,
        "model": version.model.name,
        "version": str(version.number),
        "run": version.run_id,
        "dataset_version": version.dataset_version_id,
        "dataset_sha256": version.dataset_version.sha256,
        "model_sha256": version.sha256,
    }


def _facts(version: ModelVersion) -> CardFacts:
    report = RunReport.from_json(version.run.outcome.report)
    dataset = version.dataset_version
    return CardFacts(
        name=version.model.name,
        version=version.number,
        project=version.model.project.name,
        created=version.created_at.date(),
        licence=LICENCE,
        dataset=dataset.dataset.name,
        dataset_version=dataset.number,
        dataset_sha256=dataset.sha256,
        splits=report.sizes,
        metrics=tuple(_metrics(report)),
        own=tuple(_own(RunConfig.from_json(version.run.config), report)),
        baseline=BASELINES[report.task],
        seed=report.seed,
        excluded={column.name: column.reason for column in report.excluded},
        limits=tuple(_limits(report)),
        formats=tuple(exporter.label for exporter in formats.offered(version.model.project).values()),
        trees=report.best_round,
    )


def _metrics(report: RunReport) -> list[Metric]:
    names = sorted(report.test, key=lambda name: (name != report.main, name))
    scores = ((name, report.test[name]) for name in names)
    return [Metric(name, named(name), s.value, s.low, s.high, s.baseline) for name, s in scores]


def _own(config: RunConfig, report: RunReport) -> Iterator[str]:
    """In English, as the whole card is."""
    for each in config.own:
        yield f"{each.name} = {each.formula}; {each.better} is better."
        if fault := report.unavailable.get(each.key):
            yield f"{each.name} is not available: {fault}"


def _limits(report: RunReport) -> list[str]:
    limits = []
    if report.sizes["test"] < SMALL_TEST:
        limits.append(f"The test part has only {report.sizes['test']} rows, so every figure above is rough.")
    if report.dropped_rows:
        limits.append(f"{report.dropped_rows} rows without a target were left out.")
    return limits
