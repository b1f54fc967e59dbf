"""Small random boosters of every kind, with raw rows that visit their corners."""

from __future__ import annotations

import importlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
import xgboost as xgb

from registry.exporters import EXPORTERS, ExportContext, export, probe
from registry.exporters.model import FynixModel, decode
from registry.exporters.parity import _job, _Reference, _reference
from registry.exporters.rows import rows_of
from tests.registry.boosters import WHEN
from training.engine.schema import InputColumn, ModelSchema, encode

OBJECTIVES = {
    "binary": ("binary:logistic",),
    "multiclass": ("multi:softprob",),
    "regression": ("reg:squarederror", "count:poisson", "reg:gamma", "reg:tweedie"),
}
TASKS = tuple(OBJECTIVES)


# The two readers of the wheel change the process they run in; the wheel's own tests and the guard start processes.
READERS = {reader: key for key, exporter in EXPORTERS.items() for reader in exporter.readers if key != "wheel"}
GUESTS = {"torch": "torchscript"}


@dataclass(frozen=True)
class Invented:
    """A booster of the dice, and what it should answer."""

    context: ExportContext
    reference: _Reference

    def answers(self, reader: str, folder: Path, patch: pytest.MonkeyPatch) -> np.ndarray:
        """What a runtime answers in this process, shape (rows, outputs)."""
        patch.setitem(sys.modules, "sklearn", sklearn)  # the native reader hides it from XGBoost
        exported = export({**READERS, **GUESTS}[reader], self.context)
        job = _job(self.reference, exported.filename, exported.data)
        (folder / job.artifact).write_bytes(exported.data)
        np.save(folder / "matrix.npy", job.matrix, allow_pickle=False)
        return np.array(probe.READERS[reader](folder, {**job.details, "artifact": job.artifact})["outputs"])

    def wheel_margins(self, folder: Path, patch: pytest.MonkeyPatch) -> np.ndarray:
        """What the wheel's engine adds up in this process, shape (rows, outputs)."""
        exported = export("wheel", self.context)
        path = Path(tempfile.mkdtemp(dir=folder)) / exported.filename
        path.write_bytes(exported.data)
        module = self.context.module
        with patch.context() as within:
            within.syspath_prepend(str(path))
            for name in [name for name in sys.modules if name.partition(".")[0] == module]:
                del sys.modules[name]
            importlib.invalidate_caches()
            rows = rows_of(self.reference.table)
            return np.array(importlib.import_module(module).load().margins(rows), np.float32)


def invent(task: str, seed: int) -> Invented:
    """Numbers and levels, gaps, few or many leaves, sometimes nothing but stumps."""
    dice = np.random.default_rng([seed, TASKS.index(task)])
    columns = [_column(dice, place) for place in range(int(dice.integers(1, 6)))]
    classes = {"binary": ("no", "yes"), "multiclass": tuple("abcd"[: dice.integers(3, 5)]), "regression": ()}[task]
    objective = str(dice.choice(OBJECTIVES[task]))
    threshold = float(np.float32(dice.uniform(0.2, 0.8))) if task == "binary" else None
    schema = ModelSchema("answer", task, objective, tuple(columns), classes, threshold)  # type: ignore[arg-type]
    rows = {column.name: _cells(dice, column, 200) for column in columns}
    native = _learn(dice, schema, encode(schema, rows))
    model: FynixModel = decode(native, schema)
    context = ExportContext(model, native, "Fuzz", "fuzz0000", 1, "# Fuzz\n", WHEN)
    return Invented(context, _reference(model, native, {name: values[:60] for name, values in rows.items()}))


def _column(dice: np.random.Generator, place: int) -> InputColumn:
    if dice.random() < 0.5:
        return InputColumn(f"n {place}", "number", minimum=-2.0, median=0.5, maximum=3.0)
    levels = tuple(f"level {number}" for number in range(int(dice.choice([1, 2, 7, 40, 190]))))
    return InputColumn(f"c {place}", "category", levels)


def _cells(dice: np.random.Generator, column: InputColumn, count: int) -> list[Any]:
    if column.kind == "category":
        cells = [str(value) for value in dice.choice([*column.categories, "unseen"], count)]
    else:
        cells = (dice.normal(size=count) * float(dice.choice([1e-3, 1.0, 1e6]))).tolist()
    return [None if dice.random() < 0.15 else cell for cell in cells]


def _learn(dice: np.random.Generator, schema: ModelSchema, matrix: np.ndarray) -> bytes:
    parameters: dict[str, Any] = {
        "objective": schema.objective,
        "max_depth": int(dice.integers(1, 7)),
        "grow_policy": str(dice.choice(["depthwise", "lossguide"])),
        "min_split_loss": float(dice.choice([0.0, 0.0, 0.5, 1e6])),  # the last leaves nothing but stumps
        "max_cat_to_onehot": int(dice.choice([1, 4, 1000])),
        "learning_rate": 0.3,
        "nthread": 1,
        "seed": 1,
    }
    target = {"binary": 2, "multiclass": len(schema.classes)}.get(schema.task)
    if schema.task == "multiclass":
        parameters["num_class"] = target
    answers = dice.integers(0, target, len(matrix)) if target else dice.gamma(2.0, size=len(matrix))
    data = xgb.DMatrix(matrix, label=answers, feature_types=schema.feature_types, enable_categorical=True)
    return bytes(xgb.train(parameters, data, int(dice.integers(1, 6))).save_raw("ubj"))
