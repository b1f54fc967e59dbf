"""What each column adds to a prediction: exact TreeSHAP values as XGBoost computes them, in margin space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.engine.predict import Model
from training.engine.report import Dependence, Explanation, Importance, Step, Swarm
from training.engine.schema import InputColumn

MAX_ROWS = 1000
MIN_ROWS = 50
TREE_ROWS = 200_000  # trees times rows that stay within seconds
STRONGEST = 8  # columns that are drawn
SWARM_ROWS = 200
BINS = 12
LEVELS = 12
MOST_CLASSES = 12  # that are explained each for itself
Vector = NDArray[np.float32]


def contributions(model: Model, values: Vector) -> tuple[Vector, Vector]:
    """SHAP values (rows, outputs, columns) and bias (rows, outputs); together they sum to the margins."""
    found = np.asarray(model.booster.predict(model.matrix(values), pred_contribs=True), dtype=np.float32)
    shaped = found.reshape(len(values), model.schema.outputs, len(model.schema.columns) + 1)
    return shaped[:, :, :-1], shaped[:, :, -1]


@dataclass(frozen=True)
class Explained:
    """What columns do to the answers; `by_class` of a multiclass model, of its strongest classes in their order."""

    importance: tuple[Importance, ...]
    overall: Explanation
    by_class: tuple[Explanation, ...]


def explain(model: Model, values: Vector) -> Explained:
    """Columns by mean absolute SHAP value over evenly spaced rows, at most MAX_ROWS, largest first; and of the
    STRONGEST ones every row's value and how it depends on the cell.

    Outputs of a multiclass model are averaged for the importance; for each class its own columns are the strongest.
    """
    trees = max(1, model.booster.num_boosted_rounds() * model.schema.outputs)
    rows = min(len(values), max(MIN_ROWS, min(MAX_ROWS, TREE_ROWS // trees)))
    sample = values[np.linspace(0, len(values) - 1, rows).astype(int)]
    found = contributions(model, sample)[0]
    weights = np.abs(found).mean(axis=0, dtype=np.float64)  # (outputs, columns)
    shares = _importance(model, found)
    strongest = [model.schema.names.index(item.column) for item in shares[:STRONGEST]]
    moved = np.argsort(-weights.sum(axis=1), kind="stable")
    classes = sorted(moved[:MOST_CLASSES]) if model.schema.task == "multiclass" else ()
    return Explained(
        shares,
        _explanation(model, sample, found, int(moved[0]), strongest),
        tuple(
            _explanation(
                model, sample, found, int(output), np.argsort(-weights[output], kind="stable")[:STRONGEST].tolist()
            )
            for output in classes
        ),
    )


def _importance(model: Model, found: Vector) -> tuple[Importance, ...]:
    means = np.abs(found).mean(axis=(0, 1), dtype=np.float64)
    total = float(means.sum()) or 1.0
    pairs = zip(model.schema.names, means, strict=True)
    items = [Importance(name, float(mean), float(mean) / total) for name, mean in pairs]
    return tuple(sorted(items, key=lambda item: (-item.mean_abs, item.column)))


def _explanation(model: Model, sample: Vector, found: Vector, output: int, places: Sequence[int]) -> Explanation:
    columns = [model.schema.columns[place] for place in places]
    few = np.linspace(0, len(sample) - 1, min(len(sample), SWARM_ROWS)).astype(int)
    return Explanation(
        output=model.schema.classes[output] if model.schema.task == "multiclass" else "",
        swarms=tuple(
            Swarm(column.name, _rounded(found[few, output, place]), _ranks(column, sample[few, place]))
            for place, column in zip(places, columns, strict=True)
        ),
        dependence=tuple(
            Dependence(column.name, column.kind, tuple(_steps(column, sample[:, place], found[:, output, place])))
            for place, column in zip(places, columns, strict=True)
        ),
    )


def _rounded(values: Vector) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)


def _ranks(column: InputColumn, cells: Vector) -> tuple[float | None, ...]:
    if column.kind == "category":
        return (None,) * len(cells)
    known = np.sort(cells[~np.isnan(cells)])
    places = np.searchsorted(known, cells, side="left") / max(1, len(known) - 1)
    return tuple(
        None if np.isnan(cell) else round(min(1.0, float(place)), 2) for cell, place in zip(cells, places, strict=True)
    )


def _steps(column: InputColumn, cells: Vector, effects: Vector) -> Iterator[Step]:
    """Equally filled bins of a number, or the commonest levels of a category; missing cells come last."""
    known = ~np.isnan(cells)
    if column.kind == "category":
        levels, rows = np.unique(cells[known], return_counts=True)
        for level in levels[np.argsort(-rows, kind="stable")][:LEVELS]:
            yield _step(column.categories[int(level)], None, effects[cells == level])
    elif known.any():
        # Equal numbers stay in one bin.
        edges = np.unique(np.quantile(cells[known], np.linspace(0, 1, BINS + 1)))
        bins = np.clip(np.searchsorted(edges, cells[known], side="right") - 1, 0, max(0, len(edges) - 2))
        for place in np.unique(bins):
            inside = cells[known][bins == place]
            mean = float(inside.mean(dtype=np.float64))
            yield _step(f"{inside.min():.4g} – {inside.max():.4g}", mean, effects[known][bins == place])
    if not known.all():
        yield _step("", None, effects[~known])


def _step(label: str, at: float | None, effects: Vector) -> Step:
    low, high = np.quantile(effects, (0.1, 0.9))
    return Step(label, at, len(effects), float(effects.mean(dtype=np.float64)), float(low), float(high))
