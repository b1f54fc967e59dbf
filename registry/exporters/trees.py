"""Decoded trees as flat arrays: the only form of a booster that the exporters read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.engine.learner import xgb

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# The layout of XGBoost's JSON that `document` returns, whatever version wrote the file.
DOCUMENT_VERSION = [int(part) for part in xgb.__version__.split(".")[:3]]


class Unsupported(ValueError):
    """The booster is of a kind that no exporter can write."""


@dataclass(frozen=True, eq=False)
class Trees:
    """All trees of a booster, nodes of one tree side by side.

    Per node, shape (nodes,): `feature` (-1 in a leaf), `value` (threshold, or the weight of a leaf), `left`
    and `right` (indices over all trees), `default_left` (where a missing value goes), `member` (row in
    `sets`, -1 for a number). A value below the threshold goes left; a code that is in the set goes right.
    Per tree: `offsets` (trees + 1,) first nodes, `group` (trees,) the output a tree adds to, `depth` (trees,)
    edges on the longest path.
    """

    feature: Ints
    value: Floats
    left: Ints
    right: Ints
    default_left: NDArray[np.bool_]
    member: Ints
    sets: tuple[Ints, ...]
    offsets: Ints
    group: Ints
    depth: Ints

    @property
    def leaf(self) -> NDArray[np.bool_]:
        return self.feature < 0


def load(native: bytes) -> xgb.Booster:
    """The booster in the bytes of a UBJ file. Never unpickles."""
    return xgb.Booster(params={"nthread": 1}, model_file=bytearray(native))


def document(booster: xgb.Booster) -> dict[str, Any]:
    """XGBoost's own JSON of a booster, the part under `learner`. Raises Unsupported for all but gbtree."""
    learner: dict[str, Any] = json.loads(bytes(booster.save_raw("json")))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise Unsupported(f"Only gbtree boosters can be exported, not {learner['gradient_booster']['name']}.")
    if int(learner["learner_model_param"].get("num_target", 1)) > 1:
        raise Unsupported("A model with several targets cannot be exported.")
    return learner


def decode_trees(learner: dict[str, Any]) -> Trees:
    """Arrays from XGBoost's JSON document."""
    model = learner["gradient_booster"]["model"]
    if not model["trees"]:
        raise Unsupported("A model without trees cannot be exported.")
    parts: list[dict[str, NDArray[Any]]] = []
    sets: list[Ints] = []
    offsets = [0]
    for tree in model["trees"]:
        parts.append(_one_tree(tree, offsets[-1], len(sets)))
        sets += _sets(tree)
        offsets.append(offsets[-1] + len(tree["left_children"]))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Trees(
        **joined,
        sets=tuple(sets),
        offsets=np.array(offsets, np.int32),
        group=np.array(model["tree_info"], np.int32),
        depth=np.array([_depth(tree["left_children"], tree["right_children"]) for tree in model["trees"]], np.int32),
    )


def _one_tree(tree: dict[str, Any], offset: int, first_set: int) -> dict[str, NDArray[Any]]:
    left = np.array(tree["left_children"], np.int32)
    leaf = left < 0
    member = np.full(len(left), -1, np.int32)
    member[np.array(tree["categories_nodes"], np.int64)] = first_set + np.arange(len(tree["categories_nodes"]))
    return {
        "feature": np.where(leaf, -1, np.array(tree["split_indices"])).astype(np.int32),
        "value": np.array(tree["split_conditions"], np.float32),
        "left": np.where(leaf, -1, left + offset).astype(np.int32),
        "right": np.where(leaf, -1, np.array(tree["right_children"]) + offset).astype(np.int32),
        "default_left": np.array(tree["default_left"]).astype(bool),
        "member": member,
    }


def _sets(tree: dict[str, Any]) -> list[Ints]:
    spans = zip(tree["categories_segments"], tree["categories_sizes"], strict=True)
    return [np.array(tree["categories"][start : start + size], np.int32) for start, size in spans]


def _depth(left: list[int], right: list[int]) -> int:
    deepest, stack = 0, [(0, 0)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        if left[node] >= 0:
            stack += [(left[node], depth + 1), (right[node], depth + 1)]
    return deepest


def decode_base(learner: dict[str, Any]) -> Floats:
    """Margin that every row starts from, shape (outputs,), to the last bit.

    The stored `base_score` is in the space of the prediction, and turning it into a margin here can land one
    float32 step beside XGBoost's own value. So XGBoost is asked: the first round of the same model with every
    leaf set to zero answers with its base margin.
    """
    silent = {**learner, "gradient_booster": _silent(learner["gradient_booster"])}
    booster = load(json.dumps({"learner": silent, "version": DOCUMENT_VERSION}).encode())
    kinds = learner["feature_types"] or ["q"] * int(learner["learner_model_param"]["num_feature"])
    row = matrix_of(np.full((1, len(kinds)), np.nan, np.float32), kinds)
    return np.asarray(booster.predict(row, output_margin=True), np.float32).reshape(-1)


def _silent(gradient_booster: dict[str, Any]) -> dict[str, Any]:
    model = gradient_booster["model"]
    first = model["iteration_indptr"][1]
    trees = [{**tree, "split_conditions": _zero_leaves(tree)} for tree in model["trees"][:first]]
    return {
        **gradient_booster,
        "model": {
            **model,
            "trees": trees,
            "tree_info": model["tree_info"][:first],
            "iteration_indptr": [0, first],
            "gbtree_model_param": {**model["gbtree_model_param"], "num_trees": str(first)},
        },
    }


def _zero_leaves(tree: dict[str, Any]) -> list[float]:
    pairs = zip(tree["left_children"], tree["split_conditions"], strict=True)
    return [0.0 if child < 0 else value for child, value in pairs]


def matrix_of(matrix: Floats, kinds: list[str]) -> xgb.DMatrix:
    """A DMatrix over encoded rows; `kinds` are XGBoost's feature types, `q` or `c`."""
    return xgb.DMatrix(matrix, feature_types=kinds, enable_categorical=True, nthread=1)


def sum_leaves(trees: Trees, base: Floats, matrix: Floats) -> Floats:
    """Margins of encoded rows, shape (rows, outputs): leaves added in float32 in the order of the trees.

    Any other order, or a wider type, differs from XGBoost in the last bits.
    """
    rows = np.arange(len(matrix))
    table = _membership(trees.sets)
    out = np.tile(base, (len(matrix), 1))
    for tree, root in enumerate(trees.offsets[:-1]):
        node = np.full(len(matrix), root, np.int32)
        for _ in range(trees.depth[tree]):
            feature = trees.feature[node]
            x = matrix[rows, feature]
            left = np.where(np.isnan(x), trees.default_left[node], _goes_left(trees, table, node, x))
            node = np.where(feature < 0, node, np.where(left, trees.left[node], trees.right[node]))
        out[:, trees.group[tree]] += trees.value[node]
    return out


def _goes_left(trees: Trees, table: NDArray[np.bool_], node: Ints, x: Floats) -> NDArray[np.bool_]:
    member = trees.member[node]
    left = x < trees.value[node]
    split = np.flatnonzero((member >= 0) & ~np.isnan(x))
    if split.size:
        left[split] = ~table[member[split], np.minimum(x[split], table.shape[1] - 1).astype(np.int64)]
    return np.asarray(left)


def _membership(sets: tuple[Ints, ...]) -> NDArray[np.bool_]:
    """Shape (sets, largest code + 2): the last column, for any code beyond, stays False."""
    table = np.zeros((len(sets), max((int(codes.max()) for codes in sets), default=0) + 2), bool)
    for row, codes in enumerate(sets):
        table[row, codes] = True
    return table
