"""What a run's report says: findings, figures, settings, data and hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fynix.errors import Conflict
from fynix.templatetags.figures import duration, number, percent
from training import own, words
from training.engine import ModelSchema, RunConfig
from training.engine.report import CandidateResult, RunReport
from training.models import Outcome, Run
from training.narrative import Narrative
from training.papers.blocks import Block, Heading, Paper, Sentence, Table
from training.papers.drawings import drawings

SEVERITIES = {
    "problem": gettext_lazy("Problem"),
    "warning": gettext_lazy("Warning"),
    "good": gettext_lazy("Good"),
    "info": gettext_lazy("Note"),
}


class ReportNotReady(Conflict):
    code = "report_not_ready"


def compose(run: Run) -> Paper:
    """The whole report. Raises ReportNotReady for a run that has not ended with a model."""
    outcome: Outcome | None = getattr(run, "outcome", None)
    if outcome is None:
        raise ReportNotReady(_("This run has no report: it has not ended with a model."))
    report = RunReport.from_json(outcome.report)
    blocks: list[Block] = [
        _facts(run, report),
        Heading(_("What happened")),
        *_findings(Narrative.from_json(outcome.narrative)),
        Heading(_("On rows it had never seen")),
        _scores(report),
        *_unavailable(report),
        *_confusion(report),
        Heading(_("Drawings")),
        *drawings(report),
        Heading(_("Settings")),
        *_settings(run, report),
        Heading(_("Data")),
        *_data(report, ModelSchema.from_json(outcome.schema)),
        Heading(_("Hashes and versions")),
        *_hashes(run, outcome, report),
    ]
    subtitle = _("Run %(number)s of %(project)s") % {"number": run.number, "project": run.project.name}
    return Paper(run.name, subtitle, tuple(blocks))


def _pairs(caption: str, pairs: Iterable[tuple[object, object]]) -> Table:
    rows = tuple((str(name), str(value)) for name, value in pairs if value not in ("", None))
    return Table(caption, (_("What"), _("Value")), rows, words=2)


def _facts(run: Run, report: RunReport) -> Table:
    score = report.headline
    main = f"{words.metric(report.main)} {number(score.value)}"
    if score.low is not None:
        main += f" ({number(score.low)} – {number(score.high)})"
    version = run.dataset_version
    took = run.job.finished_at - run.job.started_at if run.job.finished_at and run.job.started_at else None
    return _pairs(
        _("At a glance"),
        (
            (_("Result"), main),
            (_("Model"), run.model_name),
            (_("Predicts"), f"{report.target} ({words.TASKS[report.task]})"),
            (_("Table"), f"{version.dataset.name} v{version.number}"),
            (_("Started by"), run.created_by.email),
            (_("Started"), f"{run.created_at:%Y-%m-%d %H:%M} UTC"),
            (_("Duration"), duration(took) if took else ""),
        ),
    )


def _findings(narrative: Narrative) -> Iterator[Block]:
    for claim in narrative.claims:
        yield Sentence(claim.text(), mark=str(SEVERITIES[claim.severity]))
    if narrative.checked:
        looked = ", ".join(str(words.DETECTORS.get(code, code)) for code in narrative.checked)
        yield Sentence(_("Looked for and not found: %(list)s.") % {"list": looked})
    if narrative.rephrasing and not narrative.rephrasing.refusal:
        model = narrative.rephrasing.model
        yield Sentence(_("Rephrased by %(model)s, which saw no value.") % {"model": model})


def _scores(report: RunReport) -> Table:
    rows = tuple(
        (
            words.metric(metric),
            number(score.value),
            "–" if score.low is None else f"{number(score.low)} – {number(score.high)}",
            number(score.baseline),
        )
        for metric, score in report.test.items()
    )
    head = (_("Metric"), _("Value"), _("95 % interval"), _("Without columns"))
    return Table(_("Test metrics on %(rows)s rows") % {"rows": number(report.sizes["test"])}, head, rows)


def _unavailable(report: RunReport) -> Iterator[Sentence]:
    for key, fault in report.unavailable.items():
        yield Sentence(_("%(metric)s is not available: %(why)s") % {"metric": words.metric(key), "why": fault})


def _confusion(report: RunReport) -> Iterator[Table]:
    if report.confusion:
        labels = [each.label for each in report.classes]
        rows = tuple((label, *map(number, row)) for label, row in zip(labels, report.confusion, strict=True))
        yield Table(_("Rows are what was, columns what it answered"), ("", *labels), rows)


def _settings(run: Run, report: RunReport) -> Iterator[Table]:
    config = RunConfig.from_json(run.config)
    divided = str(words.DIVISIONS[report.divided])
    asked = (
        (_("Recipe"), words.RECIPES[config.recipe]),
        (_("Parameter set that won"), report.chosen),
        (_("Rounds kept"), _("%(best)s of %(all)s") % {"best": report.best_round, "all": report.rounds_run}),
        (_("Threshold"), "" if report.threshold is None else number(report.threshold)),
        (_("Rows divided"), f"{divided} ({report.divided_by})" if report.divided_by else divided),
        (_("Share for the test"), percent(config.test_share)),
        (_("Seed"), config.seed),
        (_("Further metrics"), ", ".join(words.metric(name) for name in config.metrics)),
        *((_("Own metric"), each) for each in own.written(config)),
        (_("Own parameters"), ", ".join(f"{name}={value}" for name, value in config.parameters.items())),
    )
    yield _pairs(_("Settings"), asked)
    rows = tuple(
        (each.name, _loss(each), f"{each.best_round} / {each.rounds_run}", duration(each.seconds))
        for each in report.candidates
    )
    head = (_("Parameter set"), _("Validation loss"), _("Best round / rounds"), _("Time"))
    yield Table(_("Parameter sets that were tried"), head, rows)


def _loss(each: CandidateResult) -> str:
    """The lowest loss, or after cross-validation the mean with the range of the folds."""
    if not each.folds:
        return number(each.loss)
    low, high = number(min(each.folds)), number(max(each.folds))
    return _("%(loss)s, folds %(low)s – %(high)s") % {"loss": number(each.loss), "low": low, "high": high}


def _data(report: RunReport, schema: ModelSchema) -> Iterator[Table]:
    sizes = report.sizes
    yield _pairs(
        _("Rows"),
        (
            (_("In the table"), number(report.table_rows)),
            (_("Without a target"), number(report.dropped_rows)),
            (_("Learnt from"), number(sizes["train"])),
            (_("Decided when to stop"), number(sizes["valid"])),
            (_("Judged"), number(sizes["test"])),
            *((each.label, number(each.rows)) for each in report.classes),
        ),
    )
    rows = tuple(
        (column.name, str(_("number") if column.kind == "number" else _("category")), percent(column.missing_share))
        for column in schema.columns
    )
    yield Table(_("Columns that the model reads"), (_("Column"), _("Kind"), _("Missing")), rows, words=2)
    if report.excluded:
        left = tuple((each.name, each.reason) for each in report.excluded)
        yield Table(_("Columns that were left out"), (_("Column"), _("Why")), left, words=2)


def _hashes(run: Run, outcome: Outcome, report: RunReport) -> Iterator[Table]:
    config = json.dumps(run.config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    yield _pairs(
        "SHA-256",
        (
            (_("Uploaded file"), run.dataset_version.sha256),
            (_("Table"), run.dataset_version.table_sha256),
            (_("Settings (canonical JSON)"), hashlib.sha256(config.encode()).hexdigest()),
            (_("Model"), outcome.model_sha256),
            (_("Rows held back"), outcome.holdout_sha256),
        ),
    )
    yield _pairs(_("Versions of libraries"), sorted(report.versions.items()))
