"""Cells that lead a row to a chosen split and then decide it narrowly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from registry.exporters.trees import Ints, Trees
from training.engine.schema import InputColumn, ModelSchema

NODES = 600

Cells = dict[str, object]


class _Room:
    """The values of one column that stay on a path: numbers from `low` up to but not `high`, or `codes`."""

    def __init__(self, column: InputColumn) -> None:
        self.column = column
        self.low, self.high = np.float32(-np.inf), np.float32(np.inf)
        self.codes = set(range(len(column.categories)))

    def narrow(self, trees: Trees, node: int, *, left: bool) -> None:
        """Keeps what the split at `node` sends to the given side."""
        if trees.member[node] >= 0:
            inside = set(trees.sets[trees.member[node]].tolist())
            self.codes = self.codes - inside if left else self.codes & inside
        elif left:
            self.high = min(self.high, trees.value[node])
        else:
            self.low = max(self.low, trees.value[node])

    def cell(self) -> object:
        """A value from the room; None, for missing, where nothing else is left."""
        if self.column.kind == "category":
            return self.column.categories[min(self.codes)] if self.codes else None
        if self.low >= self.high:
            return None
        return float(self.low) if np.isfinite(self.low) else float(np.nextafter(self.high, self.low))


def path_cells(schema: ModelSchema, trees: Trees) -> Iterator[Cells]:
    """For up to NODES splits spread over all trees: cells that reach the split, in three or so variants.

    The deciding cell is the threshold, its lower float32 neighbour and missing; or a level inside the set,
    one outside and missing.
    """
    parent = _parents(trees)
    inner = np.flatnonzero(~trees.leaf)
    for node in inner[:: max(1, -(-len(inner) // NODES))].tolist():
        reach = _reach(schema, trees, parent, node)
        column = schema.columns[trees.feature[node]]
        yield from ({**reach, column.name: value} for value in _deciding(column, trees, node))


def _parents(trees: Trees) -> Ints:
    parent = np.full(len(trees.feature), -1, np.int32)
    inner = np.flatnonzero(~trees.leaf)
    parent[trees.left[inner]] = inner
    parent[trees.right[inner]] = inner
    return parent


def _reach(schema: ModelSchema, trees: Trees, parent: Ints, node: int) -> Cells:
    rooms: dict[int, _Room] = {}
    while parent[node] >= 0:
        above = int(parent[node])
        feature = int(trees.feature[above])
        room = rooms.setdefault(feature, _Room(schema.columns[feature]))
        room.narrow(trees, above, left=bool(trees.left[above] == node))
        node = above
    return {room.column.name: room.cell() for room in rooms.values()}


def _deciding(column: InputColumn, trees: Trees, node: int) -> Iterator[object]:
    yield None
    if trees.member[node] < 0:
        yield float(trees.value[node])
        yield float(np.nextafter(trees.value[node], np.float32(-np.inf)))
        return
    inside = trees.sets[trees.member[node]]
    outside = np.setdiff1d(np.arange(len(column.categories)), inside)
    yield from (column.categories[int(codes[0])] for codes in (inside, outside) if len(codes))
