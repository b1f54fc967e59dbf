"""The guard before publishing: an artifact answers like the booster, on real rows and on hostile ones."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.exporters import EXPORTERS
from registry.exporters.model import FynixModel, labels, margins
from registry.exporters.rows import adversarial_table
from registry.exporters.runner import Died, Job, Seen, run
from registry.exporters.trees import Floats, load, matrix_of
from training.engine.schema import InputColumn, encode, is_missing

REAL_ROWS = 2000
# Rows times trees, for the real and for the adversarial rows each: some seconds of plain Python.
VISITS = 3_000_000
FEWEST_ROWS = 200
TOLERANCE = 1e-5
# Closer than this to the threshold, or to the runner-up, a label may fall either way.
LABEL_GAP = 2e-5
# Where onnxmltools converts rightly; elsewhere it can be silently wrong.
SECOND_OPINION_OBJECTIVES = frozenset(
    {"binary:logistic", "multi:softprob", "reg:squarederror", "count:poisson", "reg:gamma", "reg:tweedie"}
)
FEWEST_SOFTPROB_CLASSES = 3
SECOND_OPINION_SECONDS = 30

Raw = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class SecondOpinion:
    """What an independent converter made of the same booster; recorded, never a reason to withhold."""

    tool: str
    agrees: bool | None
    max_abs: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Parity:
    """Evidence about one artifact, version 1 of its JSON form.

    `max_abs` and `max_rel` are the largest differences from the booster's probabilities or predictions,
    `label_agreement` the share of all rows with the same label, `margins_bit_equal` whether the decoded
    trees, and the artifact where it shows margins, equal the booster to the last bit. Differences are None
    when the artifact gave no answer. `runtimes` say what ran it; `not_run` names packages that could have run
    it too and that this server lacks.
    """

    format: str
    sha256: str
    rows: int
    adversarial_rows: int
    tolerance: float
    runtimes: tuple[str, ...] = ()
    max_abs: float | None = None
    max_rel: float | None = None
    label_agreement: float | None = None
    margins_bit_equal: bool = False
    verified: bool = False
    second_opinion: SecondOpinion | None = None
    not_run: tuple[str, ...] = ()
    schema_version: int = field(default=1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parity:
        opinion = data["second_opinion"] and SecondOpinion(**data["second_opinion"])
        lists = {name: tuple(data[name]) for name in ("runtimes", "not_run")}
        return cls(**{**data, **lists, "second_opinion": opinion})


class ParityFailed(Exception):
    """The artifact must not be published. `parity` holds what was seen before the check stopped."""

    def __init__(self, message: str, parity: Parity) -> None:
        super().__init__(message)
        self.parity = parity


@dataclass(frozen=True, eq=False)
class _Reference:
    """The booster's own answers over all probe rows, the real ones first."""

    model: FynixModel
    native: bytes
    real: int
    table: Raw
    matrix: Floats

    @cached_property
    def margins(self) -> Floats:
        return self._ask(output_margin=True).reshape(len(self.matrix), -1)

    @cached_property
    def outputs(self) -> Floats:
        """Probabilities (rows, classes) or predictions (rows, 1)."""
        answer = self._ask()
        if self.model.link == "logistic":
            return np.stack([np.float32(1) - answer, answer], axis=1)
        return answer.reshape(len(self.matrix), -1)

    @cached_property
    def labels(self) -> NDArray[np.str_] | None:
        classes = self.model.schema.classes
        return np.array(classes)[labels(self.model, self.outputs)] if classes else None

    def _ask(self, **options: bool) -> Floats:
        data = matrix_of(self.matrix, self.model.schema.feature_types)
        return np.asarray(load(self.native).predict(data, **options), np.float32)


def check(
    key: str, data: bytes, *, model: FynixModel, native: bytes, rows: Raw, filename: str, whole: bool = False
) -> Parity:
    """Proves one artifact against the booster in `native`, over real and adversarial rows.

    `rows` are raw holdout columns, of which REAL_ROWS are used, or all with `whole`; `data` are the artifact's
    final bytes; `filename` is its name, from which a wheel's package is known. Raises ParityFailed, with a
    sentence that says what differs.
    """
    reference = _reference(model, native, rows, whole=whole)
    parity = _start(key, data, reference)
    if not np.array_equal(margins(model, reference.matrix), reference.margins):
        raise ParityFailed("The decoded trees do not answer like the stored booster. Nothing was published.", parity)
    parity = replace(parity, margins_bit_equal=True)
    guests = EXPORTERS[key].guests
    here = tuple(reader for reader, package in guests.items() if find_spec(package))
    for reader in (*EXPORTERS[key].readers, *here):
        parity = _compare(parity, _see(reader, parity, reference, filename, data), reference)
    parity = replace(parity, not_run=tuple(guests[reader] for reader in guests if reader not in here))
    return replace(parity, verified=True, second_opinion=_second_opinion(reference) if key == "onnx" else None)


def _reference(model: FynixModel, native: bytes, rows: Raw, *, whole: bool = False) -> _Reference:
    names = model.schema.names
    room = sys.maxsize if whole else max(FEWEST_ROWS, VISITS // len(model.trees.group))
    most = room if whole else min(REAL_ROWS, room)
    real = {name: _plain(rows[name])[:most] for name in names if name in rows}
    count = len(next(iter(real.values()), ()))
    hard = _thinned(adversarial_table(model.schema, model.trees, real), room)
    absent: list[object] = [None] * count
    table = {name: [*real.get(name, absent), *hard[name]] for name in names}
    table = {column.name: _json_cells(column, table[column.name]) for column in model.schema.columns}
    return _Reference(model, native, count, table, encode(model.schema, table))


def _thinned(table: Mapping[str, list[object]], room: int) -> dict[str, list[object]]:
    """At most `room` rows, evenly spaced, the last one among them."""
    count = len(next(iter(table.values())))
    step = -(-count // room)
    return {name: values[::-1][::step][::-1] for name, values in table.items()}


def _plain(values: Sequence[object]) -> list[object]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _json_cells(column: InputColumn, values: Sequence[object]) -> list[object]:
    """Cells as they are where JSON has the type, else as the text or number that the schema reads in them."""
    read = str if column.kind == "category" else float
    return [value if isinstance(value, str | int | float | None) else read(value) for value in values]  # type: ignore[arg-type]


def _start(key: str, data: bytes, reference: _Reference) -> Parity:
    return Parity(
        format=key,
        sha256=hashlib.sha256(data).hexdigest(),
        rows=reference.real,
        adversarial_rows=len(reference.matrix) - reference.real,
        tolerance=_tolerance(reference),
    )


def _tolerance(reference: _Reference) -> float:
    """Largest allowed absolute difference; for a prediction it grows with the largest value."""
    if reference.model.schema.classes:
        return TOLERANCE
    return TOLERANCE * max(1.0, float(np.abs(reference.outputs).max()))


def _see(reader: str, parity: Parity, reference: _Reference, filename: str, data: bytes) -> Seen:
    try:
        return run(reader, _job(reference, filename, data))
    except Died as error:
        label = EXPORTERS[parity.format].label
        message = f"The {label} file could not be run: {error}. Nothing was published."
        raise ParityFailed(message, parity) from None


def _job(reference: _Reference, filename: str, data: bytes) -> Job:
    schema = reference.model.schema
    details = {
        "names": schema.names,
        "classes": schema.classes,
        "kinds": schema.feature_types,
        "module": PurePath(filename).name.partition("-")[0],
        "rows": reference.table,
        "texts": [_texts(column, reference.table[column.name]) for column in schema.columns],
    }
    return Job(PurePath(filename).name, data, reference.matrix, details)


def _texts(column: InputColumn, values: Sequence[object]) -> list[str] | None:
    if column.kind == "number":
        return None
    return ["" if is_missing(value) else str(value).strip() for value in values]


def _compare(parity: Parity, seen: Seen, reference: _Reference) -> Parity:
    """The evidence with one more runtime in it. Raises ParityFailed."""
    label = EXPORTERS[parity.format].label
    if seen.outputs.shape != reference.outputs.shape:
        message = f"The {label} file answers in another shape than the model. Nothing was published."
        raise ParityFailed(message, parity)
    same = _same_labels(seen, reference)
    gaps = _gaps(seen, reference)
    parity = replace(
        parity,
        runtimes=(*parity.runtimes, seen.runtime),
        max_abs=max(parity.max_abs or 0.0, float(gaps.max())),
        max_rel=max(parity.max_rel or 0.0, float((gaps / np.maximum(1e-12, np.abs(reference.outputs))).max())),
        label_agreement=None if same is None else min(parity.label_agreement or 1.0, float(same.mean())),
        margins_bit_equal=parity.margins_bit_equal and _same_margins(seen, reference),
    )
    wrong = _wrong(parity, gaps, same, reference)
    if wrong or not parity.margins_bit_equal:
        raise ParityFailed(_disagreement(label, parity, wrong, len(gaps)), parity)
    return parity


def _gaps(seen: Seen, reference: _Reference) -> NDArray[np.float64]:
    gaps = np.abs(seen.outputs - reference.outputs)
    return np.asarray(np.where(np.isfinite(gaps), gaps, np.finfo(np.float32).max))


def _same_labels(seen: Seen, reference: _Reference) -> NDArray[np.bool_] | None:
    if reference.labels is None:
        return None
    if seen.labels is not None:
        return np.asarray(np.array(seen.labels) == reference.labels)
    own = labels(reference.model, seen.outputs.astype(np.float32))
    return np.asarray(np.array(reference.model.schema.classes)[own] == reference.labels)


def _same_margins(seen: Seen, reference: _Reference) -> bool:
    return seen.margins is None or np.array_equal(seen.margins.astype(np.float32), reference.margins)


def _wrong(parity: Parity, gaps: NDArray[np.float64], same: NDArray[np.bool_] | None, reference: _Reference) -> int:
    """Number of rows outside the tolerance."""
    if reference.model.link == "exp":
        return int((gaps > TOLERANCE * np.abs(reference.outputs)).any(axis=1).sum())
    bad = (gaps > parity.tolerance).any(axis=1)
    if same is not None:
        bad |= ~same & (_label_gap(reference) >= LABEL_GAP)
    return int(bad.sum())


def _label_gap(reference: _Reference) -> Floats:
    """How far each row is from another label, shape (rows,)."""
    if reference.model.link == "logistic":
        return np.asarray(np.abs(reference.outputs[:, 1] - reference.model.threshold))
    ordered = np.sort(reference.outputs, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def _disagreement(label: str, parity: Parity, wrong: int, rows: int) -> str:
    if not wrong:
        return f"The {label} file adds up its trees differently from the model. Nothing was published."
    if parity.max_abs is not None and parity.max_abs <= parity.tolerance:
        return f"The {label} file gives another answer in {wrong} of {rows} rows. Nothing was published."
    return (
        f"The {label} file disagrees with the model in {wrong} of {rows} rows, "
        f"by up to {parity.max_abs:.3g}. Nothing was published."
    )


def _second_opinion(reference: _Reference) -> SecondOpinion | None:
    """onnxmltools over the same booster, or None outside the domain where it converts rightly."""
    if not _in_domain(reference.model):
        return None
    try:
        seen = run("second-opinion", _job(reference, "model.ubj", reference.native), seconds=SECOND_OPINION_SECONDS)
    except Died as error:
        return SecondOpinion("onnxmltools", None, note=str(error))
    if seen.outputs.shape != reference.outputs.shape:
        return SecondOpinion(seen.runtime, None, note="It answers in another shape.")
    gap = float(_gaps(seen, reference).max())
    return SecondOpinion(seen.runtime, gap <= _tolerance(reference), gap)


def _in_domain(model: FynixModel) -> bool:
    few = model.link == "softmax" and len(model.schema.classes) < FEWEST_SOFTPROB_CLASSES
    plain = all(len(codes) == 1 for codes in model.trees.sets)
    return model.objective in SECOND_OPINION_OBJECTIVES and plain and not few
