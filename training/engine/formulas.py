"""Formulas of metrics: a small language over columns of numbers, read by Python's own parser and run by numpy.

A formula can name columns, numbers and the functions below, compare and calculate. Every value is a float64 or an
array of them, (rows,): there is no text, no attribute, no index, no whole number that could grow, and nothing of
Python can be reached. The result is one number over all rows.

Each part of a formula is known to be a column (a value for each row) or a number before any row is seen.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from training.engine.schema import Task

Value = NDArray[np.float64]
Kind = Literal["column", "number"]
LONGEST, DEEPEST, MOST_STEPS = 400, 40, 80
"""Characters of a formula, brackets within brackets, and steps of a calculation: each is work in every round."""

COLUMNS: dict[Task, tuple[str, ...]] = {
    "binary": ("y", "p", "p_true", "answer", "hit"),
    "multiclass": ("y", "p_true", "answer", "hit"),
    "regression": ("y", "p"),
}
"""What a formula can read. `y` is what was: a number, or the place of a class among the classes, counted from 0.
`p` is the prediction, or of two classes the probability of the second; `p_true` is the probability of the class that
was, `answer` the place of the class that is answered, and `hit` 1 where the two are the same, else 0."""


class FormulaError(ValueError):
    """The formula cannot be used; the sentence names the place and says what to do."""


@dataclass(frozen=True)
class Function:
    """`most` None: any number of arguments from `least` on. `over_rows` makes a number of its first argument."""

    run: Callable[..., Any]
    least: int
    most: int | None
    over_rows: bool = False


@dataclass(frozen=True)
class Step:
    """One part of a formula: `text` is how it was written, `inputs` are the places of earlier steps."""

    text: str
    kind: Kind
    inputs: tuple[int, ...]
    run: Callable[..., Any]


@dataclass(frozen=True)
class Formula:
    """A formula as the steps of its calculation, the last of which is its result."""

    steps: tuple[Step, ...]

    def value(self, columns: Mapping[str, Value]) -> float:
        """The result over the rows of `columns`, each (rows,). NaN or infinite where there is none."""
        return float(self._values(columns)[-1])

    def fault(self, columns: Mapping[str, Value]) -> str:
        """Where and why the result over these rows is no finite number, in a sentence; empty where it is one."""
        values = self._values(columns)
        if math.isfinite(float(values[-1])):
            return ""
        bad = [int((~np.isfinite(value)).sum()) for value in values]
        place = len(values) - 1
        while behind := [each for each in self.steps[place].inputs if bad[each]]:
            place = behind[0]
        step, rows = self.steps[place], len(next(iter(columns.values())))
        where = f"on {bad[place]:,} of {rows:,} rows" if step.kind == "column" else f"over these {rows:,} rows"
        return f"“{step.text}” has no finite value {where}."

    def _values(self, columns: Mapping[str, Value]) -> list[Value]:
        values: list[Value] = []
        with np.errstate(all="ignore"):
            for step in self.steps:
                taken = columns if not step.inputs else [values[place] for place in step.inputs]
                values.append(np.asarray(step.run(*taken) if step.inputs else step.run(taken), dtype=np.float64))
        return values


@lru_cache(maxsize=256)
def read(text: str, task: Task) -> Formula:
    """The formula in `text` for this kind of answer. Raises FormulaError, and nothing else."""
    if len(text) > LONGEST:
        raise FormulaError(f"The formula is longer than {LONGEST} characters. Shorten it.")
    line = " ".join(text.split())
    reader = _Reader(line, COLUMNS[task])
    place = reader.read(_parsed(line), 0)
    if reader.steps[place].kind == "column":
        raise FormulaError("The formula gives a value for each row. Make one number of them, such as mean(…).")
    if not any(step.kind == "column" for step in reader.steps):
        raise FormulaError(f"The formula reads no rows. Use one of: {', '.join(COLUMNS[task])}.")
    return Formula(tuple(reader.steps))


def _parsed(text: str) -> ast.expr:
    if not text:
        raise FormulaError("Write a formula, such as mean(abs(y - p)).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        at = max(1, min(error.offset or 1, len(text)))
        near = text[max(0, at - 1) : at + 11]
        raise FormulaError(
            f"The formula cannot be read at character {at}, “{near}”. Check brackets, commas and signs; equal is ==."
        ) from None
    except (ValueError, RecursionError, MemoryError, OverflowError):
        raise FormulaError("The formula cannot be read. Use plain letters, digits, brackets and signs.") from None


class _Reader:
    """Turns a parsed formula into steps, and refuses whatever is not in the tables of this module."""

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self.text, self.columns = text, columns
        self.steps: list[Step] = []

    def read(self, node: ast.expr, depth: int) -> int:
        """The place of the step that gives this part's value. Raises FormulaError."""
        if depth > DEEPEST:
            raise FormulaError(f"The formula has more than {DEEPEST} parts within one another. Make it flatter.")
        known = _READERS.get(type(node))
        if known is None:
            raise self.refusal(node, _HINTS.get(type(node), "this is not part of the language of formulas"))
        return known(self, node, depth + 1)

    def add(self, node: ast.expr, run: Callable[..., Any], inputs: Sequence[int], *, kind: Kind | None = None) -> int:
        if len(self.steps) >= MOST_STEPS:
            raise FormulaError(f"The formula has more than {MOST_STEPS} steps. Make it shorter.")
        wide = any(self.steps[place].kind == "column" for place in inputs)
        found: Kind = kind or ("column" if wide else "number")
        self.steps.append(Step(self.words(node), found, tuple(inputs), run))
        return len(self.steps) - 1

    def words(self, node: ast.expr) -> str:
        """How this part was written, cut where it is long."""
        text = ast.get_source_segment(self.text, node) or ""
        return text if len(text) <= 40 else f"{text[:39]}…"

    def refusal(self, node: ast.expr, why: str) -> FormulaError:
        at = len(self.text.encode()[: node.col_offset].decode()) + 1
        return FormulaError(f"At character {at}, “{self.words(node)}”: {why}.")

    # One method for each kind of part; _READERS names them.

    def constant(self, node: ast.Constant, depth: int) -> int:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.refusal(node, "only numbers can be written here")
        try:
            number = float(node.value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.refusal(node, "the number is too large")
        return self.add(node, lambda columns: number, ())

    def name(self, node: ast.Name, depth: int) -> int:
        if node.id not in self.columns:
            kind = "a function, write its brackets" if node.id in FUNCTIONS else "no column"
            raise self.refusal(node, f"this is {kind}. Columns are: {', '.join(self.columns)}")
        return self.add(node, lambda columns: columns[node.id], (), kind="column")

    def binary(self, node: ast.BinOp, depth: int) -> int:
        if type(node.op) not in ARITHMETIC:
            raise self.refusal(node, _HINTS.get(type(node.op), "calculate with +, -, *, / and **"))
        return self.add(node, ARITHMETIC[type(node.op)], [self.read(each, depth) for each in (node.left, node.right)])

    def unary(self, node: ast.UnaryOp, depth: int) -> int:
        if type(node.op) not in SIGNS:
            raise self.refusal(node, _HINTS[ast.Invert])
        return self.add(node, SIGNS[type(node.op)], [self.read(node.operand, depth)])

    def logic(self, node: ast.BoolOp, depth: int) -> int:
        run = _all if isinstance(node.op, ast.And) else _any
        return self.add(node, run, [self.read(each, depth) for each in node.values])

    def compare(self, node: ast.Compare, depth: int) -> int:
        """`a < b < c` is `a < b and b < c`."""
        for sign in node.ops:
            if type(sign) not in COMPARISONS:
                raise self.refusal(node, "compare with ==, !=, <, <=, > and >=")
        places = [self.read(each, depth) for each in (node.left, *node.comparators)]
        pairs = [
            self.add(node, COMPARISONS[type(sign)], pair) for sign, pair in zip(node.ops, pairwise(places), strict=True)
        ]
        return pairs[0] if len(pairs) == 1 else self.add(node, _all, pairs)

    def call(self, node: ast.Call, depth: int) -> int:
        function = FUNCTIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if function is None or not isinstance(node.func, ast.Name):
            raise self.refusal(node.func, f"this is no function. Functions are: {', '.join(FUNCTIONS)}")
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise self.refusal(node, "write the values alone, with commas between them")
        count, most = len(node.args), function.most
        if count < function.least or (most is not None and count > most):
            wanted = f"{function.least}" if most == function.least else f"at least {function.least}"
            raise self.refusal(node, f"{node.func.id} takes {wanted} value{'s'[: function.least != 1]}, not {count}")
        places = [self.read(each, depth) for each in node.args]
        if not function.over_rows:
            return self.add(node, function.run, places)
        if any(self.steps[place].kind == "column" for place in places[1:]):
            raise self.refusal(node.args[1], "this must be one number, not a value for each row")
        if self.steps[places[0]].kind != "column":
            raise self.refusal(node.args[0], f"{node.func.id} takes values of the rows, and this is one number")
        return self.add(node, function.run, places, kind="number")


def _where(condition: Value, yes: Value, no: Value) -> Value:
    return np.where(condition != 0, yes, no)


def _all(*values: Value) -> Value:
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*(value != 0 for value in values))), dtype=np.float64)


def _any(*values: Value) -> Value:
    return np.asarray(np.logical_or.reduce(np.broadcast_arrays(*(value != 0 for value in values))), dtype=np.float64)


def _mean(values: Value) -> Any:
    return values.mean() if values.size else np.nan


def _quantile(values: Value, share: Value) -> Any:
    """Linear between neighbours, as numpy's; NaN where a value or the share is none."""
    if not (values.size and 0 <= share <= 1 and not np.isnan(values).any()):
        return np.nan
    return np.quantile(values, share)


def _least(*values: Value) -> Value:
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*values)), dtype=np.float64)


def _most(*values: Value) -> Value:
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(*values)), dtype=np.float64)


FUNCTIONS: dict[str, Function] = {
    "mean": Function(_mean, 1, 1, over_rows=True),
    "sum": Function(np.sum, 1, 1, over_rows=True),
    "count": Function(np.count_nonzero, 1, 1, over_rows=True),
    "quantile": Function(_quantile, 2, 2, over_rows=True),
    "where": Function(_where, 3, 3),
    "min": Function(_least, 2, None),
    "max": Function(_most, 2, None),
    "abs": Function(np.abs, 1, 1),
    "sqrt": Function(np.sqrt, 1, 1),
    "log": Function(np.log, 1, 1),
    "exp": Function(np.exp, 1, 1),
}
ARITHMETIC: dict[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Pow: np.power,
}  # fmt: skip
SIGNS: dict[type[ast.unaryop], Callable[..., Any]] = {
    ast.UAdd: np.positive, ast.USub: np.negative, ast.Not: lambda value: value == 0,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], Callable[..., Any]] = {
    ast.Eq: np.equal, ast.NotEq: np.not_equal, ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}  # fmt: skip
_READERS: dict[type[ast.expr], Callable[..., int]] = {
    ast.Constant: _Reader.constant,
    ast.Name: _Reader.name,
    ast.BinOp: _Reader.binary,
    ast.UnaryOp: _Reader.unary,
    ast.BoolOp: _Reader.logic,
    ast.Compare: _Reader.compare,
    ast.Call: _Reader.call,
}
_HINTS: dict[type[ast.AST], str] = {
    ast.Attribute: "nothing can be reached by a dot",
    ast.Subscript: "no part of a column can be picked out; use where(…)",
    ast.IfExp: "write where(condition, value, other) instead",
    ast.BitAnd: "write “and” instead of &",
    ast.BitOr: "write “or” instead of |",
    ast.BitXor: "write ** for a power",
    ast.Invert: "write “not” instead of ~",
}
