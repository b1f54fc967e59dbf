"""Test runs as evidence: what was asked, what the version answered and why, kept for ever under a hash."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from datasets.profiling import Reject
from fynix.errors import Conflict, Invalid
from registry.checks import Paired
from registry.models import Build, ModelVersion
from sandbox import process
from sandbox.judgement import Drift, Figure
from sandbox.models import Batch, Kind, TestRun
from training.engine.schema import ModelSchema

UNKEPT = re.compile("[\x00\ud800-\udfff]")  # no database keeps NUL and no file half a character


class BadRow(Invalid):
    code = "input_schema_mismatch"


class NotReady(Conflict):
    code = "version_not_ready"


@dataclass(frozen=True)
class Contribution:
    """What one column added to the margin of the explained output."""

    column: str
    value: str
    amount: float
    note: str = ""


@dataclass(frozen=True)
class SingleTest:
    """One row through one version, version 1 of its JSON form. `bias` and the contributions sum to `margin`."""

    inputs: dict[str, Any]
    answer: str | float
    probabilities: dict[str, float]
    explained: str
    margin: float
    bias: float
    contributions: tuple[Contribution, ...]
    unseen: dict[str, list[str]]
    model_sha256: str
    threshold: float | None = None
    schema_version: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SingleTest:
        contributions = tuple(Contribution(**each) for each in data["contributions"])
        return cls(**{**data, "contributions": contributions})

    @property
    def sentences(self) -> tuple[str, str]:
        """The answer and its strongest reasons, in two sentences."""
        return _verdict(self), _reasons(self)


@dataclass(frozen=True)
class CellError:
    """A cell that is no number where one is needed; its value is not kept. `row` counts from 1."""

    row: int
    column: str


@dataclass(frozen=True)
class Disagreement:
    """A row on which versions differ, with the answer of each in their order. `row` counts from 1."""

    row: int
    answers: tuple[str, ...]


class Measured(StrEnum):
    """Which rows of the training table drift is measured against."""

    LEARNT = "learnt"
    HELD_BACK = "held_back"


@dataclass(frozen=True)
class BatchTest:
    """Many rows through one version, version 1 of its JSON form; no cell of them is kept.

    `answers` counts rows by class, or holds quantiles of the numbers. `figures` and `paired` come from the `labelled`
    rows, `drift` from the training rows that `drift_against` names, the most moved column first. `compared` are the
    numbers of the versions that answered the same rows. A version that `may_have_learnt` the rows looks too good on
    them. `rejected` lines of the file could not be read and are no rows; `rejects` are the first 100, with the reason.
    """

    batch: str
    source: str
    input_sha256: str
    model_sha256: str
    rows: int
    failed: int
    errors: tuple[CellError, ...]
    error_count: int
    missing_columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    answers: dict[str, float]
    label: str
    labelled: int
    figures: dict[str, Figure]
    drift: tuple[Drift, ...]
    compared: tuple[int, ...]
    paired: tuple[Paired, ...]
    disagreements: int
    disagreeing: tuple[Disagreement, ...]
    may_have_learnt: bool
    seconds: float
    drift_against: str = Measured.HELD_BACK
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    schema_version: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BatchTest:
        lists: dict[str, Any] = {
            "errors": CellError,
            "drift": Drift,
            "paired": Paired,
            "disagreeing": Disagreement,
            "rejects": Reject,
        }
        read: dict[str, Any] = {
            name: tuple(kind(**each) for each in data.get(name, ())) for name, kind in lists.items()
        }
        read["figures"] = {name: Figure(**figure) for name, figure in data["figures"].items()}
        plain = {name: tuple(data[name]) for name in ("missing_columns", "unknown_columns", "compared")}
        return cls(**{**data, **read, **plain})

    @property
    def moved(self) -> tuple[Drift, ...]:
        return tuple(each for each in self.drift if each.has_moved)


def answer(*, version: ModelVersion, inputs: Mapping[str, Any], by: User, at: datetime) -> TestRun:
    """Put one row through the version and keep the result. Raises BadRow, NotReady and what process.ask raises."""
    started = time.perf_counter()
    (test,) = tried(version=version, rows=[inputs])
    latency_ms = (time.perf_counter() - started) * 1000
    return keep(version, Kind.SINGLE, test.to_json(), latency_ms=latency_ms, by=by, at=at)


def tried(*, version: ModelVersion, rows: Sequence[Mapping[str, Any]]) -> tuple[SingleTest, ...]:
    """What the version answers to some rows, kept nowhere. Raises BadRow, NotReady and what process.ask raises."""
    require_ready(version)
    schema = ModelSchema.from_json(version.schema)
    whole = [_row(schema, inputs) for inputs in rows]
    table = {name: [row[name] for row in whole] for name in schema.names}
    reply = process.ask(sha256=version.sha256, schema=version.schema, table=table)
    if refusal := reply.get("bad_input"):
        raise _bad_cell(refusal["code"], name=refusal["column"], row=whole[refusal["row"]])
    return tuple(_read(schema, row, reply, version.sha256, place) for place, row in enumerate(whole))


def require_ready(version: ModelVersion) -> None:
    """Raise NotReady while a version cannot be tested."""
    if version.state == Build.FAILED:
        raise NotReady(_("This version's files could not be made, so it cannot be tested. Its page says why."))
    if version.state != Build.READY:
        raise NotReady(_("This version's files are still being made. Try again in a moment."))


def _bad_cell(code: str, *, name: str, row: Mapping[str, Any]) -> BadRow:
    if code == "too_large":
        return BadRow(_("“{name}” is too large to be a number here.").format(name=name), field=name)
    return BadRow(
        _("“{name}” takes a number, and “{value}” is not one.").format(name=name, value=row[name]), field=name
    )


def _row(schema: ModelSchema, inputs: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [name for name in inputs if name not in schema.names]
    if unknown:
        raise BadRow(
            _("This version has no column “{name}”. It reads: {names}.").format(
                name=unknown[0], names=", ".join(schema.names)
            ),
            field=unknown[0],
            extra={"unknown": unknown},
        )
    wrong = [name for name, value in inputs.items() if not isinstance(value, str | int | float | None)]
    if wrong:
        raise BadRow(_("“{name}” takes one text or number.").format(name=wrong[0]), field=wrong[0])
    odd = [name for name, value in inputs.items() if isinstance(value, str) and UNKEPT.search(value)]
    if odd:
        raise BadRow(_("“{name}” holds characters that are no text.").format(name=odd[0]), field=odd[0])
    return {name: inputs.get(name) for name in schema.names}


def _read(schema: ModelSchema, row: dict[str, Any], reply: dict[str, Any], sha256: str, place: int) -> SingleTest:
    """The reply to the row at this place."""
    given = reply["answers"][place]
    output = schema.classes.index(given["value"]) if schema.task == "multiclass" else 0
    amounts = reply["contributions"][place][output]
    missing, unseen = reply["missing"][place], _own(row, reply["unseen"])
    contributions = [
        Contribution(name, "" if row[name] is None else str(row[name]), amount, _note(name, gone, unseen))
        for name, amount, gone in zip(schema.names, amounts, missing, strict=True)
    ]
    return SingleTest(
        inputs=row,
        answer=given["value"],
        probabilities=given["probabilities"],
        explained=schema.classes[1]
        if schema.task == "binary"
        else str(given["value"])
        if schema.classes
        else schema.target,
        margin=reply["margins"][place][output],
        bias=reply["bias"][place][output],
        contributions=tuple(sorted(contributions, key=lambda each: -abs(each.amount))),
        unseen=unseen,
        model_sha256=sha256,
        threshold=schema.threshold,
    )


def _own(row: Mapping[str, Any], unseen: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Which values of this row were never seen."""
    own = {name: str(row[name]).strip() for name in unseen if row[name] is not None}
    return {name: [own[name]] for name, values in unseen.items() if name in own and own[name] in values}


def _note(name: str, is_missing: bool, unseen: Mapping[str, list[str]]) -> str:
    if name in unseen:
        return "not seen in training, counts as missing"
    return "missing" if is_missing else ""


def keep(
    version: ModelVersion,
    kind: Kind,
    document: dict[str, Any],
    *,
    latency_ms: float,
    by: User,
    at: datetime,
    batch: Batch | None = None,
) -> TestRun:
    """Write a test down for ever, under the hash of its canonical JSON."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return TestRun.objects.create(
        version=version,
        kind=kind,
        batch=batch,
        document=document,
        latency_ms=latency_ms,
        created_by=by,
        created_at=at,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _verdict(test: SingleTest) -> str:
    if not test.probabilities:
        return f"The model predicts {test.answer:,.6g}."
    share = f"{test.probabilities[str(test.answer)]:.1%}"
    if test.threshold is None:
        return f"The model answers {test.answer}, with a probability of {share}."
    limit = f"“{test.explained}” starts at {test.threshold:.1%}"
    return f"The model answers {test.answer}: its probability is {share}, and {limit}."


def _reasons(test: SingleTest) -> str:
    up = next((each for each in test.contributions if each.amount > 0), None)
    down = next((each for each in test.contributions if each.amount < 0), None)
    parts = [f"{_named(each)} {verb} most" for each, verb in ((up, "raises"), (down, "lowers")) if each]
    if not parts:
        return "No column moved it away from the average."
    return f"For “{test.explained}”, {' and '.join(parts)}."


def _named(each: Contribution) -> str:
    return f"{each.column} = {each.value}" if each.value else f"the missing {each.column}"
