"""A finished model that answers from its bytes and its schema alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.engine.learner import xgb
from training.engine.metrics import decide
from training.engine.schema import ModelSchema, encode


@dataclass(frozen=True)
class Answer:
    """A class label with the probability of each class, or a number with none."""

    value: str | float
    probabilities: dict[str, float]


class Model:
    """`native` are UBJ bytes cut at the best round; matrices are what `schema.encode` gives.

    One thread is right for answering people; `threads` is for long tables. Answers do not depend on it.
    """

    def __init__(self, native: bytes, schema: ModelSchema, *, threads: int = 1) -> None:
        self.schema = schema
        self.threads = threads
        self.booster = xgb.Booster({"nthread": threads}, model_file=bytearray(native))

    def matrix(self, values: NDArray[np.float32]) -> xgb.DMatrix:
        """Values of shape (rows, columns) for the booster. Raises ValueError for infinite values."""
        if np.isinf(values).any():
            raise ValueError("Infinite values cannot be answered. Leave the cell empty or give a number.")
        types = self.schema.feature_types
        return xgb.DMatrix(values, feature_types=types, enable_categorical=True, nthread=self.threads)

    def margins(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw scores before the link function, shape (rows, outputs)."""
        found = self.booster.predict(self.matrix(values), output_margin=True)
        return np.asarray(found, dtype=np.float32).reshape(len(values), self.schema.outputs)

    def predict(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities in the order of the classes, shape (rows, classes); for a regression (rows, 1)."""
        found = np.asarray(self.booster.predict(self.matrix(values)), dtype=np.float32)
        if self.schema.task != "binary":
            return found.reshape(len(values), self.schema.outputs)
        return np.column_stack([1 - found, found])

    def answers(self, table: Mapping[str, Sequence[object]]) -> list[Answer]:
        """One answer for each row of raw columns. Raises BadInput for a cell that is no number."""
        found = self.predict(encode(self.schema, table))
        if self.schema.task == "regression":
            return [Answer(float(value), {}) for value in found[:, 0]]
        classes = self.schema.classes
        chosen = decide(self.schema, found)
        return [
            Answer(classes[code], dict(zip(classes, map(float, row), strict=True)))
            for code, row in zip(chosen, found, strict=True)
        ]
