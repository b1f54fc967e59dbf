"""Category splits in the smaller of their two equal forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry.exporters.model import FynixModel
from registry.exporters.trees import Ints


@dataclass(frozen=True)
class CategorySplits:
    """`sets` replace the trees' own; where `flipped` is true the codes in the set go left, not right."""

    sets: tuple[Ints, ...]
    flipped: tuple[bool, ...]

    @property
    def single(self) -> bool:
        """Whether every set holds one code, so that a plain comparison says the same."""
        return all(len(codes) == 1 for codes in self.sets)


def category_splits(model: FynixModel) -> CategorySplits:
    """Sets that hold more than half of the levels become their complement: a row has a known code or none.

    A set of all levels stays as it is, since nothing would be left to test for.
    """
    trees = model.trees
    nodes = np.flatnonzero(trees.member >= 0)
    levels = np.zeros(len(trees.sets), np.int64)
    sizes = np.array([len(column.categories) for column in model.schema.columns])
    levels[trees.member[nodes]] = sizes[trees.feature[nodes]]
    pairs = [_smaller(codes, int(count)) for codes, count in zip(trees.sets, levels, strict=True)]
    return CategorySplits(tuple(codes for codes, _ in pairs), tuple(flipped for _, flipped in pairs))


def _smaller(codes: Ints, levels: int) -> tuple[Ints, bool]:
    if len(codes) * 2 <= levels or len(codes) >= levels:
        return codes, False
    return np.setdiff1d(np.arange(levels, dtype=np.int32), codes), True


def minimum_onnxruntime(model: FynixModel) -> str:
    """The first onnxruntime that runs the model's graph rightly: sets of categories need a newer one."""
    return "1.16" if category_splits(model).single else "1.23"
