"""Tree nodes of an ONNX graph: the old operator where it suffices, the new one for sets of categories."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from registry.exporters.model import FynixModel
from registry.exporters.splits import CategorySplits

ML = "ai.onnx.ml"
# Comparison modes of TreeEnsemble (ai.onnx.ml 5).
LESS, MEMBER = 1, 6


def regressor(model: FynixModel, splits: CategorySplits, source: str, target: str) -> NodeProto:
    """TreeEnsembleRegressor (ai.onnx.ml 3): every category set holds one code, compared with BRANCH_EQ."""
    trees = model.trees
    tree = np.repeat(np.arange(len(trees.group)), np.diff(trees.offsets))
    start = trees.offsets[tree]
    leaf, member = trees.leaf, trees.member >= 0
    modes = np.where(leaf, "LEAF", np.where(member, "BRANCH_EQ", "BRANCH_LT"))
    codes = np.array([codes[0] for codes in splits.sets] or [0], np.float32)
    values = np.where(leaf, 0, np.where(member, codes[trees.member], trees.value)).astype(np.float32)
    true, false, missing = _branches(model, splits)
    return helper.make_node(
        "TreeEnsembleRegressor",
        [source],
        [target],
        domain=ML,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=(np.arange(len(leaf)) - start).tolist(),
        nodes_featureids=np.where(leaf, 0, trees.feature).tolist(),
        nodes_values=values.tolist(),
        nodes_modes=modes.tolist(),
        nodes_truenodeids=np.where(leaf, 0, true - start).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, false - start).tolist(),
        nodes_missing_value_tracks_true=np.where(leaf, 0, missing).tolist(),
        target_treeids=tree[leaf].tolist(),
        target_nodeids=(np.arange(len(leaf)) - start)[leaf].tolist(),
        target_ids=trees.group[tree][leaf].tolist(),
        target_weights=_weights(model).tolist(),
        n_targets=model.outputs,
        aggregate_function="SUM",
        post_transform="NONE",
    )


def ensemble(model: FynixModel, splits: CategorySplits, source: str, target: str) -> NodeProto:
    """TreeEnsemble (ai.onnx.ml 5): leaves and inner nodes are numbered apart, sets are separated by NaN."""
    trees = model.trees
    leaf = trees.leaf
    inner = np.flatnonzero(~leaf)
    number = np.where(leaf, np.cumsum(leaf) - 1, np.cumsum(~leaf) - 1)
    true, false, missing = _branches(model, splits)
    member = trees.member[inner] >= 0
    stumps = trees.offsets[:-1][leaf[trees.offsets[:-1]]]
    one = np.ones(len(stumps), np.int64)
    tree = np.repeat(np.arange(len(trees.group)), np.diff(trees.offsets))
    roots = number[trees.offsets[:-1]]
    # A tree that is a single leaf becomes a node both of whose children are that leaf.
    roots[leaf[trees.offsets[:-1]]] = len(inner) + np.arange(len(stumps))
    values = np.where(member, 0, trees.value[inner])
    sets = _joined(splits, trees.member[inner][member])
    return helper.make_node(
        "TreeEnsemble",
        [source],
        [target],
        domain=ML,
        nodes_featureids=_ints(trees.feature[inner], 0 * one),
        nodes_splits=numpy_helper.from_array(np.append(values, 0.0 * one).astype(np.float32)),
        nodes_modes=numpy_helper.from_array(np.append(np.where(member, MEMBER, LESS), LESS * one).astype(np.uint8)),
        nodes_truenodeids=_ints(number[true[inner]], number[stumps]),
        nodes_falsenodeids=_ints(number[false[inner]], number[stumps]),
        nodes_trueleafs=_ints(leaf[true[inner]], one),
        nodes_falseleafs=_ints(leaf[false[inner]], one),
        nodes_missing_value_tracks_true=_ints(missing[inner], 0 * one),
        membership_values=numpy_helper.from_array(sets),
        leaf_targetids=trees.group[tree][leaf].tolist(),
        leaf_weights=numpy_helper.from_array(_weights(model)),
        tree_roots=roots.tolist(),
        n_targets=model.outputs,
        aggregate_function=1,
        post_transform=0,
    )


def _weights(model: FynixModel) -> NDArray[np.float32]:
    """What each leaf adds, with the base margin in the leaves of each output's first tree.

    XGBoost starts from the base and adds leaves in the order of the trees, each sum rounded to float32. A runtime
    that adds in this order on one thread rounds alike; with the base added last, an answer around 200,000 differs by 1.
    """
    trees = model.trees
    opening = [int(np.flatnonzero(trees.group == output)[0]) for output in range(model.outputs)]
    weights = trees.value.copy()
    for output, tree in enumerate(opening):
        weights[trees.offsets[tree] : trees.offsets[tree + 1]] += model.base[output]
    return weights[trees.leaf]


def _ints(values: NDArray[Any], more: NDArray[Any]) -> list[int]:
    return np.append(values, more).astype(np.int64).tolist()


def _branches(model: FynixModel, splits: CategorySplits) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Per node: the child where the test holds, the child where it fails, whether missing counts as holding.

    A number below its threshold goes left; a code in its set goes right, or left where the set is flipped.
    """
    trees = model.trees
    flipped = np.array([*splits.flipped, False])[trees.member]  # the extra one answers for member -1
    rightwards = (trees.member >= 0) & ~flipped
    true = np.where(rightwards, trees.right, trees.left)
    false = np.where(rightwards, trees.left, trees.right)
    return true, false, trees.default_left ^ rightwards


def _joined(splits: CategorySplits, members: NDArray[Any]) -> NDArray[np.float32]:
    parts = [np.append(splits.sets[member], np.nan) for member in members]
    return np.concatenate(parts).astype(np.float32)
