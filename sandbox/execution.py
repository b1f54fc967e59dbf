"""The workshop of a test of many rows: read them, let every version answer in the limited child, judge, keep.

Everything is computed anew by each attempt and stored in one transaction with the end of the job, so a worker that
dies leaves nothing but bytes that the next attempt finds under the same hash.
"""

from __future__ import annotations

import csv
import io
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from accounts import quotas
from datasets.profiling import Reading, Reject, Unreadable, reading
from fynix import blobs
from fynix.errors import Invalid
from fynix.queue import jobs
from fynix.queue.work import Work
from fynix.spreadsheets import harmless
from registry.checks import Paired
from registry.models import ModelVersion
from sandbox import evidence, judgement, process
from sandbox.evidence import BatchTest, CellError, Disagreement, Measured
from sandbox.judgement import Judged
from sandbox.models import Batch, Kind, Source
from training import story
from training.engine.metrics import decide
from training.engine.report import RunReport, Spread
from training.engine.schema import ModelSchema
from training.engine.spread import spread

AT_ONCE = 2000  # rows of one question to the child
MOST_ROWS = 200_000
ERRORS_KEPT, DISAGREEMENTS_KEPT = 100, 50

Columns = dict[str, list[Any]]


class NoTable(Invalid):
    """The rows cannot be read; the message says why and what to do."""

    code = "unparseable_file"


class NoColumns(Invalid):
    code = "columns_missing"


class TooManyRows(Invalid):
    code = "too_many_rows"


@dataclass(frozen=True)
class Rows:
    """Raw columns of equal length; how many lines of the file could not be read, and the first of them."""

    columns: Columns
    height: int
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()

    def labels(self, name: str) -> list[Any] | None:
        return self.columns.get(name)


@dataclass(frozen=True)
class Answers:
    """What one version said: `predicted` (rows, classes) or (rows, 1); rows with an error count as not answered."""

    version: ModelVersion
    schema: ModelSchema
    predicted: NDArray[np.float64]
    errors: tuple[CellError, ...]
    seconds: float

    @property
    def answered(self) -> NDArray[np.bool_]:
        good = np.ones(len(self.predicted), dtype=bool)
        good[[error.row - 1 for error in self.errors]] = False
        return good

    @property
    def said(self) -> list[str]:
        """The answer to each row as text: the class, or the number."""
        if self.schema.task == "regression":
            return [f"{value:.9g}" for value in self.predicted[:, 0]]
        codes = decide(self.schema, self.predicted.astype(np.float32))
        return [self.schema.classes[code] for code in codes]


def execute(work: Work) -> None:
    """Test the job's batch and end the job. Raises NoTable, NoColumns, TooManyRows and what `work` raises."""
    batch = Batch.objects.select_related("model__project", "created_by", "table").get(job=work.job)
    versions = list(batch.versions.select_related("run__outcome", "model__project").order_by("number"))
    work.report("Reading the rows", 0)
    rows = _rows(batch, versions)
    answers = [
        _answers(work, version, rows, place / len(versions), 1 / len(versions))
        for place, version in enumerate(versions)
    ]
    process.end()
    work.report("Judging the answers", 90)
    tests = [(each.version, _judged(batch, rows, each, answers)) for each in answers]
    data = _results(batch, rows, answers)
    quotas.fit(project=batch.model.project, size_bytes=len(data))
    work.check()
    _conclude(work, batch, tests, data)


def _rows(batch: Batch, versions: Sequence[ModelVersion]) -> Rows:
    with blobs.local(batch.input_sha256) as path:
        if batch.source == Source.FILE:
            frame, read = _from_file(path, batch.filename)
        else:
            frame, read = pl.read_parquet(path), None
    if frame.height > MOST_ROWS:
        raise TooManyRows(f"A test takes at most {MOST_ROWS:,} rows, and this has {frame.height:,}. Send a part of it.")
    for version in versions:
        names = ModelSchema.from_json(version.schema).names
        if not set(names) & set(frame.columns):
            wanted = ", ".join(names[:10])
            raise NoColumns(f"These rows have none of the columns that version {version.number} reads: {wanted}.")
    columns = {name: frame[name].to_list() for name in frame.columns}
    return Rows(columns, frame.height, read.rejected, read.rejects) if read else Rows(columns, frame.height)


def _from_file(path: Path, filename: str) -> tuple[pl.DataFrame, Reading]:
    with tempfile.TemporaryDirectory(dir=settings.SPOOL, prefix="test-") as folder:
        try:
            found = reading.read(path, filename=filename, workdir=Path(folder), progress=lambda *_: None)
        except Unreadable as error:
            raise NoTable(error.message) from None
        table = pl.read_parquet(found.path)
        return table.rename(dict(zip(table.columns, found.names, strict=True))), found.reading


def _answers(work: Work, version: ModelVersion, rows: Rows, done: float, share: float) -> Answers:
    """Ask the limited child, some rows at a time."""
    schema = ModelSchema.from_json(version.schema)
    inputs = {name: rows.columns.get(name, [None] * rows.height) for name in schema.names}
    predicted: list[list[float]] = []
    errors: list[CellError] = []
    begun = time.perf_counter()
    for first in range(0, rows.height, AT_ONCE):
        work.check()
        work.report(f"Version {version.number} answers", 90 * (done + share * first / max(rows.height, 1)))
        part = {name: _plain(values[first : first + AT_ONCE]) for name, values in inputs.items()}
        reply = process.ask(sha256=version.sha256, schema=version.schema, table=part, explain=False)
        predicted += reply["predicted"]
        errors += [CellError(first + error["row"] + 1, error["column"]) for error in reply["errors"]]
    outputs = max(len(schema.classes), 1)
    matrix = np.array(predicted, dtype=np.float64).reshape(rows.height, outputs)
    return Answers(version, schema, matrix, tuple(errors), time.perf_counter() - begun)


def _plain(values: list[Any]) -> list[Any]:
    """Cells as JSON can carry them."""
    return [value if isinstance(value, str | int | float | None) else str(value) for value in values]


def _judged(batch: Batch, rows: Rows, own: Answers, everybody: Sequence[Answers]) -> BatchTest:
    """What one version's answers say, beside those of the others."""
    label = batch.label or own.schema.target
    labels = rows.labels(label)
    judged = judgement.labelled(own.schema, labels, own.predicted, own.answered)[0] if labels else None
    against, learnt = _spread(own.version)
    said = [answer for answer, is_answer in zip(own.said, own.answered, strict=True) if is_answer]
    return BatchTest(
        batch=batch.pk,
        source=batch.source,
        input_sha256=batch.input_sha256,
        model_sha256=own.version.sha256,
        rows=rows.height,
        failed=int((~own.answered).sum()),
        errors=own.errors[:ERRORS_KEPT],
        error_count=len(own.errors),
        missing_columns=tuple(name for name in own.schema.names if name not in rows.columns),
        unknown_columns=tuple(name for name in rows.columns if name not in {*own.schema.names, label}),
        answers=_counted(own.schema, said),
        label=label if labels else "",
        labelled=len(judged.labels) if judged else 0,
        figures=judgement.figures(judged) if judged else {},
        drift=_drift(own, rows, learnt),
        drift_against=against,
        compared=tuple(each.version.number for each in everybody if len(everybody) > 1),
        paired=tuple(_pairs(batch, own, everybody, labels)) if labels else (),
        disagreements=_disagreements(everybody) if len(everybody) > 1 else 0,
        disagreeing=tuple(_disagreeing(everybody)) if len(everybody) > 1 else (),
        may_have_learnt=_may_have_learnt(batch, own.version),
        rejected=rows.rejected,
        rejects=rows.rejects,
        seconds=round(own.seconds, 3),
    )


def _counted(schema: ModelSchema, said: Sequence[str]) -> dict[str, float]:
    """Rows of each class, or quantiles of the numbers."""
    if schema.task != "regression":
        return {label: float(said.count(label)) for label in schema.classes}
    numbers = np.array([float(value) for value in said])
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    return {f"{share:g}": float(np.quantile(numbers, share)) for share in shares} if len(numbers) else {}


def _spread(version: ModelVersion) -> tuple[str, dict[str, Spread]]:
    """What drift is measured against, and by column how those rows lie: the rows that were learnt from.

    A run of before these were kept has the rows of its table that were held back, the same draw.
    """
    kept = RunReport.from_json(version.run.outcome.report).spread
    if kept:
        return Measured.LEARNT, {each.column: each for each in kept}
    rows = story.held_out(version.run)
    columns = [each for each in ModelSchema.from_json(version.schema).columns if each.name in rows.columns]
    return Measured.HELD_BACK, {column.name: spread(column, rows[column.name].to_list()) for column in columns}


def _drift(own: Answers, rows: Rows, learnt: dict[str, Spread]) -> tuple[judgement.Drift, ...]:
    found = [
        judgement.drift(column, learnt[column.name], rows.columns[column.name])
        for column in own.schema.columns
        if column.name in rows.columns and column.name in learnt
    ]
    return tuple(sorted(found, key=lambda each: each.limit - each.index))


def _pairs(batch: Batch, own: Answers, everybody: Sequence[Answers], labels: Sequence[Any]) -> Iterator[Paired]:
    """The own main metric less that of each other, on rows that both answered; none where it may have learnt them."""
    if _may_have_learnt(batch, own.version):
        return
    for other in everybody:
        same = all(getattr(own.schema, name) == getattr(other.schema, name) for name in ("target", "task", "classes"))
        if other.version.pk == own.version.pk or not same:
            continue
        both = own.answered & other.answered
        after, places = judgement.labelled(own.schema, labels, own.predicted, both)
        if after is None:
            continue
        found = judgement.difference(Judged(other.schema, after.labels, other.predicted[places]), after)
        if found:
            yield Paired(
                version=own.version.pk, against=other.version.pk, metric=found.metric, before=found.before,
                after=found.after, low=found.low, high=found.high, rows=found.rows,
            )  # fmt: skip


def _may_have_learnt(batch: Batch, version: ModelVersion) -> bool:
    """Whether these rows may be among those that the version was made from, so that it looks too good on them."""
    if batch.source == Source.TABLE:
        return bool(version.dataset_version_id == batch.table_id)
    return batch.source == Source.HOLDOUT and version.run.outcome.holdout_sha256 != batch.input_sha256


def _different(everybody: Sequence[Answers]) -> list[int]:
    texts = [each.said for each in everybody]
    return [row for row, answers in enumerate(zip(*texts, strict=True)) if len(set(answers)) > 1]


def _disagreements(everybody: Sequence[Answers]) -> int:
    return len(_different(everybody))


def _disagreeing(everybody: Sequence[Answers]) -> Iterator[Disagreement]:
    """Rows on which versions differ, the widest apart first."""
    texts = [each.said for each in everybody]
    wide = np.max([each.predicted[:, -1] for each in everybody], axis=0) - np.min(
        [each.predicted[:, -1] for each in everybody], axis=0
    )
    for row in sorted(_different(everybody), key=lambda row: -wide[row])[:DISAGREEMENTS_KEPT]:
        yield Disagreement(row + 1, tuple(answers[row] for answers in texts))


def _results(batch: Batch, rows: Rows, everybody: Sequence[Answers]) -> bytes:
    """Every row's answers as CSV; the columns of a file that somebody sent come back, those of a table do not."""
    out = io.StringIO()
    writer = csv.writer(out)
    carried = list(rows.columns) if batch.source == Source.FILE else []
    heads = ["row", *carried]
    for each in everybody:
        mark = f"v{each.version.number}"
        heads += [
            f"{mark} answer",
            *(f"{mark} probability of {label}" for label in each.schema.classes),
            f"{mark} error",
        ]
    writer.writerow(map(harmless, heads))
    columns = [_told(each) for each in everybody]
    for row in range(rows.height):
        cells = [str(row + 1), *(_cell(rows.columns[name][row]) for name in carried)]
        for told in columns:
            cells += told[row]
        writer.writerow(map(harmless, cells))
    return out.getvalue().encode()


def _told(each: Answers) -> list[list[str]]:
    wrong: dict[int, list[str]] = {}
    for error in each.errors:
        wrong.setdefault(error.row - 1, []).append(error.column)
    blank = [""] * (1 + len(each.schema.classes))
    return [
        [*blank, f"no number in {', '.join(wrong[row])}"]
        if row in wrong
        else [said, *([f"{value:.6g}" for value in each.predicted[row]] if each.schema.classes else []), ""]
        for row, said in enumerate(each.said)
    ]


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _conclude(work: Work, batch: Batch, tests: Sequence[tuple[ModelVersion, BatchTest]], data: bytes) -> None:
    """Keep the evidence of each version and the results, and end the job: all or nothing."""
    stored = blobs.put_bytes(data)
    at = timezone.now()
    kind = Kind.COMPARE if len(tests) > 1 else Kind.BATCH
    with transaction.atomic():
        for version, test in tests:
            evidence.keep(
                version, kind, test.to_json(), batch=batch, latency_ms=test.seconds * 1000,
                by=batch.created_by, at=at,
            )  # fmt: skip
        Batch.objects.filter(pk=batch.pk).update(results_sha256=stored.sha256, results_bytes=stored.size_bytes)
        quotas.charge(
            project=batch.model.project, user=batch.created_by, kind="test", subject=f"{batch.pk}:results",
            size_bytes=stored.size_bytes, at=at,
        )  # fmt: skip
        jobs.finish(work.job, at=at)
