"""FynixModel: a schema, trees and a base margin. Every exporter, card and snippet reads only this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.exporters.rows import rows_of, selftest_table
from registry.exporters.trees import (
    Floats,
    Trees,
    Unsupported,
    decode_base,
    decode_trees,
    document,
    load,
    sum_leaves,
)
from training.engine.schema import ModelSchema, encode

# From an objective to the function that turns margins into answers.
LINKS = {
    "binary:logistic": "logistic",
    "multi:softprob": "softmax",
    "reg:squarederror": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}


@dataclass(frozen=True)
class SelfTest:
    """One invented row and its answer: probabilities in the order of the classes, or one prediction."""

    row: Mapping[str, object]
    outputs: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class FynixModel:
    """`base` is the margin every row starts from, shape (outputs,), float32."""

    schema: ModelSchema
    trees: Trees
    base: Floats
    selftest: tuple[SelfTest, ...] = ()

    @property
    def objective(self) -> str:
        return self.schema.objective

    @property
    def outputs(self) -> int:
        return len(self.base)

    @property
    def link(self) -> str:
        """`logistic`, `softmax`, `identity` or `exp`."""
        return LINKS[self.objective]

    @property
    def threshold(self) -> np.float32:
        """Probability of classes[1] from which a binary model answers with that class."""
        return np.float32(0.5 if self.schema.threshold is None else self.schema.threshold)


def decode(native: bytes, schema: ModelSchema) -> FynixModel:
    """The model in a UBJ file. Raises Unsupported when it does not fit the schema or cannot be exported."""
    learner = document(load(native))
    _agree(schema, learner["objective"]["name"], int(learner["learner_model_param"]["num_feature"]))
    model = FynixModel(schema, decode_trees(learner), decode_base(learner))
    if model.outputs != schema.outputs:
        raise Unsupported(f"The schema has {schema.outputs} outputs, the booster {model.outputs}.")
    return FynixModel(schema, model.trees, model.base, _selftest(model))


def _agree(schema: ModelSchema, objective: str, features: int) -> None:
    if objective not in LINKS:
        raise Unsupported(f"Models trained with {objective} cannot be exported.")
    if objective != schema.objective:
        raise Unsupported(f"The schema says {schema.objective}, the booster {objective}.")
    if features != len(schema.columns):
        raise Unsupported(f"The schema has {len(schema.columns)} columns, the booster {features}.")


def _selftest(model: FynixModel) -> tuple[SelfTest, ...]:
    table = selftest_table(model.schema)
    answers = predict(model, table)
    return tuple(
        SelfTest(row, tuple(float(value) for value in np.atleast_1d(answer)))
        for row, answer in zip(rows_of(table), answers, strict=True)
    )


def margins(model: FynixModel, matrix: Floats) -> Floats:
    """Margins of encoded rows, shape (rows, outputs), equal to the booster's to the last bit."""
    return sum_leaves(model.trees, model.base, matrix)


def finish(model: FynixModel, margins: Floats) -> Floats:
    """Margins to probabilities, shape (rows, classes), or to predictions, shape (rows,)."""
    return _FINISH[model.link](margins)


def predict(model: FynixModel, table: Mapping[str, Sequence[object]]) -> Floats:
    """Raw columns to probabilities or predictions. Raises training.engine.schema.BadInput."""
    return finish(model, margins(model, encode(model.schema, table)))


def labels(model: FynixModel, probabilities: Floats) -> NDArray[np.int64]:
    """Index of the class that each row is given, shape (rows,)."""
    if model.link == "logistic":
        return (probabilities[:, 1] >= model.threshold).astype(np.int64)
    return np.asarray(probabilities.argmax(axis=1), np.int64)


def _logistic(margins: Floats) -> Floats:
    one = np.float32(1)
    p1 = one / (np.exp(np.minimum(-margins[:, 0], np.float32(88.7))) + one)  # 88.7: XGBoost's guard against overflow
    return np.stack([one - p1, p1], axis=1)


def _softmax(margins: Floats) -> Floats:
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _identity(margins: Floats) -> Floats:
    return margins[:, 0]


def _exp(margins: Floats) -> Floats:
    return np.exp(margins[:, 0])


_FINISH: dict[str, Callable[[Floats], Floats]] = {
    "logistic": _logistic,
    "softmax": _softmax,
    "identity": _identity,
    "exp": _exp,
}
