"""What a model takes in and gives out: the contract shared by training, exports and the sandbox."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "category"]
Task = Literal["binary", "multiclass", "regression"]

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})


class BadInput(ValueError):
    """One cell that the model cannot take. `column` and `row` say where, the message says why.

    `code` is for programs: `too_large` or `no_number`.
    """

    def __init__(self, message: str, *, code: str, column: str, row: int) -> None:
        super().__init__(message)
        self.code = code
        self.column = column
        self.row = row


@dataclass(frozen=True)
class InputColumn:
    """One raw column that the model reads.

    `categories` are the frozen levels of a category column: a level's index is its code; a value that is
    not among them counts as missing. `minimum`, `median` and `maximum` are the training range of a number.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    median: float | None = None
    maximum: float | None = None
    missing_share: float = 0.0


@dataclass(frozen=True)
class ModelSchema:
    """Signature of a model, version 1 of its JSON form.

    `classes` are the labels in the order of the model's outputs, empty for regression. For a binary task
    the answer is `classes[1]` when its probability is at least `threshold` (a float32 value).
    """

    target: str
    task: Task
    objective: str
    columns: tuple[InputColumn, ...]
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    schema_version: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def outputs(self) -> int:
        """Number of margins a row gets: one, or one for each class of a multiclass task."""
        return len(self.classes) if self.task == "multiclass" else 1

    @property
    def feature_types(self) -> list[str]:
        """XGBoost's name for the kind of each column: `q` for a number, `c` for a category."""
        return ["c" if column.kind == "category" else "q" for column in self.columns]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModelSchema:
        columns = tuple(InputColumn(**{**c, "categories": tuple(c["categories"])}) for c in data["columns"])
        return cls(**{**data, "columns": columns, "classes": tuple(data["classes"])})


def is_missing(value: object) -> bool:
    """Whether a raw cell stands for "no value": None, NaN, or one of MISSING_WORDS in any case."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and value.strip().lower() in MISSING_WORDS


def encode(schema: ModelSchema, table: Mapping[str, Sequence[object]]) -> NDArray[np.float32]:
    """Raw columns to the matrix the trees read, shape (rows, columns), float32, NaN for missing.

    An absent column is missing in every row; an unseen category is missing too. Raises BadInput for a
    number that cannot be read or is infinite.
    """
    rows = len(next(iter(table.values()))) if table else 0
    matrix = np.full((rows, len(schema.columns)), np.nan, dtype=np.float32)
    for index, column in enumerate(schema.columns):
        if column.name in table:
            matrix[:, index] = encode_column(column, table[column.name])
    return matrix


def encode_column(column: InputColumn, values: Sequence[object] | NDArray[Any]) -> NDArray[np.float32]:
    """One raw column to float32 codes or numbers, shape (rows,)."""
    if column.kind == "category":
        codes = {level: float(code) for code, level in enumerate(column.categories)}
        found = (np.nan if is_missing(v) else codes.get(str(v).strip(), np.nan) for v in values)
        return np.fromiter(found, dtype=np.float32, count=len(values))
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        numbers = values.astype(np.float32)
    else:
        numbers = np.array([_number(column.name, row, value) for row, value in enumerate(values)], dtype=np.float32)
    infinite = np.flatnonzero(np.isinf(numbers))
    if infinite.size:
        row = int(infinite[0])
        raise BadInput(
            f"“{column.name}” is too large to be a number here.", code="too_large", column=column.name, row=row
        )
    return numbers


def unseen(schema: ModelSchema, table: Mapping[str, Sequence[object]]) -> dict[str, list[str]]:
    """Category values per column that training never saw, each once, in order of appearance."""
    found: dict[str, list[str]] = {}
    for column in schema.columns:
        if column.kind == "category" and column.name in table:
            known = set(column.categories)
            strange = (str(v).strip() for v in table[column.name] if not is_missing(v))
            new = [value for value in dict.fromkeys(strange) if value not in known]
            if new:
                found[column.name] = new
    return found


def _number(name: str, row: int, value: object) -> float:
    if is_missing(value):
        return np.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise BadInput(f"“{name}” is too large to be a number here.", code="too_large", column=name, row=row) from None
    except (TypeError, ValueError):
        raise BadInput(
            f"“{name}” takes a number, and “{value}” is not one.", code="no_number", column=name, row=row
        ) from None
