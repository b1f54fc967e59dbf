"""Small real boosters and the raw rows they were not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import xgboost as xgb

from registry.exporters import ExportContext
from registry.exporters.model import FynixModel, decode
from registry.exporters.trees import load, matrix_of
from training.engine.schema import InputColumn, ModelSchema, encode

OBJECTIVES = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
CITIES = tuple(f"city {number:03d}" for number in range(190))
PLANS = ("Month-to-month", "Zwei Jahre", "un an")
HOSTILE = ("{{7*7}}", '"""+__import__(\'os\')', "two\nlines", "<script>", "$filename")
WHEN = date(2026, 1, 2)


@dataclass(frozen=True)
class Trained:
    schema: ModelSchema
    native: bytes
    holdout: dict[str, list[Any]]

    @property
    def model(self) -> FynixModel:
        return decode(self.native, self.schema)

    @property
    def matrix(self) -> np.ndarray:
        return encode(self.schema, self.holdout)

    def booster_says(self, *, margins: bool = False) -> np.ndarray:
        data = matrix_of(self.matrix, kinds(self.schema))
        return load(self.native).predict(data, output_margin=margins)

    def booster_probabilities(self) -> np.ndarray:
        says = self.booster_says()
        return np.stack([1 - says, says], axis=1) if self.schema.task == "binary" else says

    def context(self, **changes: Any) -> ExportContext:
        given = {
            "model": self.model,
            "native": self.native,
            "name": "Churn",
            "identity": "ab12cd34",
            "version": 3,
            "card": "# Churn\n",
            "created": WHEN,
            "facts": {"project": "Demo"},
        }
        return ExportContext(**{**given, **changes})


def kinds(schema: ModelSchema) -> list[str]:
    return ["c" if column.kind == "category" else "q" for column in schema.columns]


@cache
def trained(
    task: str = "binary",
    *,
    rounds: int = 12,
    onehot: int = 1000,
    names: tuple[str, str, str, str, str] = ("age", "[w<eird]", "région", "big id", "plan"),
    plans: tuple[str, ...] = PLANS,
    threshold: float | None = 0.3,
    objective: str = "",
    classes: int = 3,
) -> Trained:
    """900 rows learnt, 300 kept: three numbers with gaps, 190 cities, a few plans, and levels never seen."""
    dice = np.random.default_rng(11)
    count = 1200
    numbers = dice.normal(size=(count, 3)).astype(np.float32) * [10, 1, 1e6] + [40, 0, 1e7]
    city, plan = dice.integers(0, len(CITIES), count), dice.integers(0, len(plans), count)
    signal = (numbers[:, 0] - 40) / 10 + numbers[:, 1] + np.sin(city) + plan + dice.normal(size=count) / 3
    columns = [[None if dice.random() < 0.1 else float(v) for v in column] for column in numbers.T]
    columns = [
        columns[0],
        columns[1],
        [CITIES[code] for code in city],
        columns[2],
        [plans[code] for code in plan],
    ]
    table = dict(zip(names, columns, strict=True))
    schema = _schema(task=task, names=names, plans=plans, threshold=threshold, objective=objective, classes=classes)
    learn = slice(0, 900)
    matrix = encode(schema, {name: values[learn] for name, values in table.items()})
    parameters = {
        "objective": schema.objective,
        "tree_method": "hist",
        "max_depth": 4,
        "seed": 7,
        "nthread": 1,
    }
    parameters |= {"max_cat_to_onehot": onehot} | ({"num_class": classes} if task == "multiclass" else {})
    data = xgb.DMatrix(
        matrix,
        label=_target(task, signal, classes)[learn],
        feature_types=kinds(schema),
        enable_categorical=True,
    )
    native = bytes(xgb.train(parameters, data, rounds).save_raw("ubj"))
    return Trained(schema, native, _holdout(table, names))


def _schema(*, task, names, plans, threshold, objective, classes) -> ModelSchema:
    levels = {names[2]: CITIES, names[4]: plans}
    columns = tuple(
        InputColumn(name, "category", levels[name])
        if name in levels
        else InputColumn(name, "number", minimum=-3.0, median=0.25, maximum=60.0)
        for name in names
    )
    labels = {
        "binary": ("No", "Yes"),
        "multiclass": tuple(f"class {k}" for k in range(classes)),
        "regression": (),
    }
    limit = float(np.float32(threshold)) if task == "binary" and threshold is not None else None
    return ModelSchema("answer", task, objective or OBJECTIVES[task], columns, labels[task], limit)


def _target(task: str, signal: np.ndarray, classes: int) -> np.ndarray:
    if task == "binary":
        return (signal > 1.5).astype(float)
    if task == "multiclass":
        return np.searchsorted(np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1]), signal)
    return 250_000 + 1000 * np.abs(signal)


def _holdout(table: dict[str, list[Any]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Raw cells as people type them: text numbers, missing words, spaces around levels, levels never seen."""
    rows = {name: values[900:] for name, values in table.items()}
    rows[names[0]] = [str(v) if k % 3 else v for k, v in enumerate(rows[names[0]])]
    rows[names[1]] = ["n/a" if k % 17 == 0 else v for k, v in enumerate(rows[names[1]])]
    rows[names[2]] = ["Atlantis" if k % 20 == 0 else f" {v} " for k, v in enumerate(rows[names[2]])]
    rows[names[4]] = [None if k % 13 == 0 else v for k, v in enumerate(rows[names[4]])]
    return rows
