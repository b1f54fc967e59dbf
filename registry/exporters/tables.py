"""All trees of a model side by side as tables, for runtimes that take one step down every tree at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.exporters.model import FynixModel
from registry.exporters.trees import Floats, Ints, Trees, Unsupported


@dataclass(frozen=True, eq=False)
class Tables:
    """One step is `node = left[node] + right(node)`, since a right child always follows its left sibling.

    Per node, shape (nodes,): `column` of the doubled row (below), `threshold` (infinite in a leaf, which so
    stays where it is), `left` (its own number in a leaf), `weight` (of a leaf, else 0), `member` (where the
    node's set begins in `sets`, -1 where a number decides). Per tree: `roots`. A row is doubled: its values
    with missing as a number that goes right everywhere, then again with missing going left.

    `sets` is one run of `levels + 2` flags for each distinct set, 1 where a code goes right; the last two
    answer for "left whatever it is" and "right whatever it is". `depth` is the number of steps.
    """

    column: Ints
    threshold: Floats
    left: Ints
    weight: Floats
    member: Ints
    roots: Ints
    sets: NDArray[np.uint8]
    levels: int
    depth: int

    @property
    def has_sets(self) -> bool:
        return len(self.sets) > 0


def tables(model: FynixModel) -> Tables:
    """The tables of a model. Raises Unsupported when its outputs have different numbers of trees."""
    trees = model.trees
    order, left, roots = breadth_first(trees)
    leaf, member = trees.leaf[order], trees.member[order]
    keys, places = distinct(model)
    levels = max((len(column.categories) for column in model.schema.columns), default=0)
    width = levels + 2
    start = places[member] * width if trees.sets else member
    split = np.where(leaf, 0, trees.feature[order] + len(model.schema.columns) * trees.default_left[order])
    return Tables(
        column=split.astype(np.int32),
        threshold=np.where(leaf, np.inf, np.where(member < 0, trees.value[order], 0)).astype(np.float32),
        left=left,
        weight=np.where(leaf, trees.value[order], 0).astype(np.float32),
        member=np.where(member < 0, -1, start).astype(np.int32),
        roots=roots[_in_turn(model)],
        sets=_flags(keys, width),
        levels=levels,
        depth=max(1, int(trees.depth.max())),
    )


def is_category(model: FynixModel) -> NDArray[np.bool_]:
    """Which columns hold codes, shape (columns,)."""
    return np.array([column.kind == "category" for column in model.schema.columns])


def breadth_first(trees: Trees) -> tuple[Ints, Ints, Ints]:
    """Old index of each new node, new index of its left child (its own in a leaf), new index of each root.

    Nodes of each tree come breadth first, so that a right child is always one past its left sibling.
    """
    order: list[int] = []
    left: list[int] = []
    roots: list[int] = []
    for root in trees.offsets[:-1].tolist():
        roots.append(len(order))
        place = len(order)
        order.append(root)
        while place < len(order):
            node = order[place]
            if trees.feature[node] < 0:
                left.append(place)
            else:
                left.append(len(order))
                order += [int(trees.left[node]), int(trees.right[node])]
            place += 1
    return np.array(order, np.int32), np.array(left, np.int32), np.array(roots, np.int32)


def distinct(model: FynixModel) -> tuple[list[tuple[int, ...]], Ints]:
    """Each set of codes once, and the place of every set among them."""
    keys = [tuple(codes.tolist()) for codes in model.trees.sets]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return list(places), np.array([places[key] for key in keys], np.int32)


def _in_turn(model: FynixModel) -> NDArray[np.int64]:
    """Trees reordered so that the outputs take turns; within one output their order stays."""
    group = model.trees.group
    if len(set(np.bincount(group, minlength=model.outputs).tolist())) > 1:
        raise Unsupported("A model whose classes have different numbers of trees cannot be exported.")
    turn = np.zeros(len(group), np.int64)
    for output in range(model.outputs):
        turn[group == output] = np.arange((group == output).sum())
    return np.asarray(np.lexsort((group, turn)))


def _flags(keys: list[tuple[int, ...]], width: int) -> NDArray[np.uint8]:
    flags = np.zeros((len(keys), width), np.uint8)
    for row, codes in enumerate(keys):
        flags[row, list(codes)] = 1
    flags[:, -1] = 1
    return flags.reshape(-1)
