"""The wheel's model files: a JSON header and one block of little-endian arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.exporters import ExportContext
from registry.exporters.model import FynixModel
from registry.exporters.tables import breadth_first, distinct

FORMAT = "fynix-trees/1"
SHORT = 32767


def pack(context: ExportContext) -> tuple[dict[str, Any], bytes]:
    """Header and block. The header lists the arrays as [name, type code of Python's `array`, length]."""
    model = context.model
    arrays = _arrays(model)
    sets, width = _bitsets(model)
    header = {
        "format": FORMAT,
        "name": context.name,
        "version": context.version,
        "link": model.link,
        "outputs": model.outputs,
        "threshold": float(model.threshold) if model.link == "logistic" else None,
        "schema": model.schema.to_json(),
        "arrays": [[name, code, len(values)] for name, (code, values) in arrays.items()],
        "set_bytes": width,
        "facts": dict(context.facts),
        "selftest": [{"row": dict(test.row), "outputs": list(test.outputs)} for test in model.selftest],
    }
    return header, b"".join(values.tobytes() for _, values in arrays.values()) + sets


def _arrays(model: FynixModel) -> dict[str, tuple[str, NDArray[Any]]]:
    """Nodes of each tree breadth first, so that a right child is always one past its left sibling.

    `split` is 2 * column + (1 where missing goes left), -1 in a leaf.
    """
    trees = model.trees
    order, left, roots = breadth_first(trees)
    member = distinct(model)[1][trees.member[order]] if trees.sets else trees.member[order]
    split = np.where(trees.leaf, -1, trees.feature * 2 + trees.default_left)[order]
    return {
        "split": _whole(split),
        "value": ("f", np.where(trees.member < 0, trees.value, 0)[order].astype("<f4")),
        "left": ("i", left.astype("<i4")),
        "member": _whole(np.where(trees.member[order] < 0, -1, member)),
        "root": ("i", roots.astype("<i4")),
        "group": _whole(trees.group),
        "depth": _whole(trees.depth),
        "base": ("f", model.base.astype("<f4")),
    }


def _whole(values: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    return ("h", values.astype("<i2")) if values.max(initial=0) <= SHORT else ("i", values.astype("<i4"))


def _bitsets(model: FynixModel) -> tuple[bytes, int]:
    """Sets as little-endian bit strings of one width in bytes, wide enough for every known code."""
    levels = max((len(column.categories) for column in model.schema.columns), default=0)
    width = levels // 8 + 1
    numbers = (sum(1 << code for code in codes) for codes in distinct(model)[0])
    return b"".join(number.to_bytes(width, "little") for number in numbers), width
