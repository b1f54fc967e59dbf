"""The TFLite format: all trees at once, one level at a step, in operators that every TFLite runtime has."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.exporters import ExportContext, archive
from registry.exporters.model import FynixModel
from registry.exporters.tables import Tables, is_category, tables
from registry.exporters.tflite_file import BATCHED_GATHER, BOOL, BYTE, FLOAT, INT, File
from registry.exporters.usage import usage

# Stands for missing. Finite, so that it stays below the infinite threshold with which a leaf keeps a row.
FARTHEST = float(np.finfo(np.float32).max)


def build(context: ExportContext) -> bytes:
    """The flatbuffer with a zip behind it (card, signature, usage), which runtimes pass over and unzip reads."""
    extra = {
        "MODEL_CARD.md": context.card.encode(),
        "schema.json": json.dumps(context.model.schema.to_json(), sort_keys=True).encode(),
        "USAGE.txt": usage("tflite", context).encode(),
        "facts.json": json.dumps(dict(context.facts), sort_keys=True).encode(),
    }
    return archive.append(_graph(context), extra, context.created)


def output_name(model: FynixModel) -> str:
    """Name of the answer in the file's signature."""
    return "probabilities" if model.schema.classes else "prediction"


def _graph(context: ExportContext) -> bytes:
    model = context.model
    file = File(f"{context.slug} version {context.version}")
    steps = _Steps(file, tables(model), len(model.schema.columns))
    rows = steps.doubled(file.input("features", steps.columns), is_category(model))
    leaves = steps.down(rows)
    margin = _summed(file, model, leaves, len(steps.table.roots))
    return file.finish({output_name(model): _ANSWER[model.link](file, model, margin)})


@dataclass(frozen=True)
class _Steps:
    """The walk through `table` for rows of `columns` values."""

    file: File
    table: Tables
    columns: int

    @property
    def trees(self) -> list[int]:
        return [len(self.table.roots)]

    def doubled(self, x: int, category: NDArray[np.bool_]) -> int:
        """Each row twice, side by side: missing goes right in the first half, left in the second."""
        file, width = self.file, [self.columns]
        missing = file.add("NOT_EQUAL", [x, x], BOOL, width)  # only NaN differs from itself
        right, left = self.select(missing, FARTHEST, x, width), self.select(missing, -FARTHEST, x, width)
        if self.table.has_sets:
            levels = self.table.levels
            below = file.add("LESS", [x, file.constant(np.float32(0))], BOOL, width)
            above = file.add("GREATER_EQUAL", [x, file.constant(np.float32(levels))], BOOL, width)
            unknown = file.add("LOGICAL_OR", [below, above], BOOL, width)
            code = self.select(unknown, levels, x, width)
            mask = file.constant(category[None])
            right = self.choose(mask, self.select(missing, levels + 1, code, width), right, FLOAT, width)
            left = self.choose(mask, self.select(missing, levels, code, width), left, FLOAT, width)
        return file.add("CONCATENATION", [right, left], FLOAT, [2 * self.columns], axis=1)

    def down(self, rows: int) -> int:
        """The weight of the leaf that each row reaches in each tree, shape (rows, trees)."""
        file, table = self.file, self.table
        stores = [file.constant(values) for values in (table.column, table.threshold, table.left, table.member)]
        kinds = (INT, FLOAT, INT, INT)
        flags = file.constant(table.sets.astype(np.int8)) if table.has_sets else -1
        column = file.constant(table.column[table.roots])
        value = file.add("GATHER", [rows, column], FLOAT, self.trees, axis=1, batchDims=0)
        # The first step reads constants, so that no operator has to ask how many rows there are.
        first = (table.threshold, table.left, table.member)
        threshold, left, member = (file.constant(values[table.roots][None]) for values in first)
        node = self._step(value, threshold, left, member, flags)
        for _ in range(table.depth - 1):
            column, threshold, left, member = (
                file.add("GATHER", [store, node], kind, self.trees, axis=0, batchDims=0)
                for store, kind in zip(stores, kinds, strict=True)
            )
            value = file.add("GATHER", [rows, column], FLOAT, self.trees, version=BATCHED_GATHER, axis=1, batchDims=1)
            node = self._step(value, threshold, left, member, flags)
        return file.add("GATHER", [file.constant(table.weight), node], FLOAT, self.trees, axis=0, batchDims=0)

    def _step(self, value: int, threshold: int, left: int, member: int, flags: int) -> int:
        file, trees = self.file, self.trees
        right = self._whole(file.add("GREATER_EQUAL", [value, threshold], BOOL, trees), BOOL)
        if flags >= 0:
            zero = file.constant(np.int32(0))
            by_set = file.add("GREATER_EQUAL", [member, zero], BOOL, trees)
            code = self._whole(self.choose(by_set, value, file.constant(np.float32(0)), FLOAT, trees), FLOAT)
            start = file.add("MAXIMUM", [member, zero], INT, trees)
            place = file.add("ADD", [start, code], INT, trees)
            flag = self._whole(file.add("GATHER", [flags, place], BYTE, trees, axis=0, batchDims=0), BYTE)
            right = self.choose(by_set, flag, right, INT, trees)
        return file.add("ADD", [left, right], INT, trees)

    def _whole(self, source: int, kind: int) -> int:
        return self.file.add("CAST", [source], INT, self.trees, inDataType=kind, outDataType=INT)

    def choose(self, condition: int, yes: int, no: int, kind: int, width: list[int]) -> int:
        return self.file.add("SELECT_V2", [condition, yes, no], kind, width)

    def select(self, condition: int, number: float, no: int, width: list[int]) -> int:
        return self.choose(condition, self.file.constant(np.array(number, np.float32)), no, FLOAT, width)


def _summed(file: File, model: FynixModel, leaves: int, trees: int) -> int:
    """Margins, shape (rows, outputs): leaves added to the base one after the other, as XGBoost does.

    SUM may take any order, and another order of float32 additions ends in other last bits.
    """
    turns = trees // model.outputs
    width = [turns, model.outputs] if model.outputs > 1 else [turns]
    if model.outputs > 1:
        sizes = file.constant(np.array([-1, *width], np.int32))
        leaves = file.add("RESHAPE", [leaves, sizes], FLOAT, width, newShape=[-1, *width])
    start = np.zeros([1, turns, model.outputs], np.float32)
    start[0, 0] = model.base
    leaves = file.add("ADD", [leaves, file.constant(start.reshape(1, *width))], FLOAT, width)
    sums = file.add("CUMSUM", [leaves, file.constant(np.int32(1))], FLOAT, width)
    last = np.int32(turns - 1) if model.outputs > 1 else np.array([turns - 1], np.int32)
    return file.add("GATHER", [sums, file.constant(last)], FLOAT, [model.outputs], axis=1, batchDims=0)


def _binary(file: File, model: FynixModel, margin: int) -> int:
    p1 = file.add("LOGISTIC", [margin], FLOAT, [1])
    p0 = file.add("SUB", [file.constant(np.float32(1)), p1], FLOAT, [1])
    return file.add("CONCATENATION", [p0, p1], FLOAT, [2], axis=1)


def _multiclass(file: File, model: FynixModel, margin: int) -> int:
    return file.add("SOFTMAX", [margin], FLOAT, [model.outputs], beta=1.0)


def _itself(file: File, model: FynixModel, margin: int) -> int:
    return margin


def _power(file: File, model: FynixModel, margin: int) -> int:
    return file.add("EXP", [margin], FLOAT, [1])


_ANSWER: dict[str, Callable[[File, FynixModel, int], int]] = {
    "logistic": _binary,
    "softmax": _multiclass,
    "identity": _itself,
    "exp": _power,
}
