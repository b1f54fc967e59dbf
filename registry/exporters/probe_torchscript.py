"""Reads a TorchScript archive without PyTorch: unpickles its tables itself and runs its own code over numpy.

Loaded by probe.py in the limited process. Shares nothing with the writer: opcodes go through Python's unpickler,
which may name only what a module of tables needs, and the code in the archive is executed as it stands, with the
few operators of `torch` that it uses done by numpy.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import numpy as np

DTYPES = {3: np.int32, 4: np.int64, 6: np.float32}
STORAGES = {"FloatStorage": "<f4", "IntStorage": "<i4", "ByteStorage": "u1", "BoolStorage": "?"}


class Archive:
    """The module in a file, ready to answer."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            self.files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        if self.files["byteorder"] != b"little" or self.files["constants.pkl"] != b"\x80\x02).":
            raise ValueError("not an archive of ours")
        names: dict[str, Any] = dict(OPERATORS)
        exec(compile(self.files["code/__torch__/fynix.py"], "fynix.py", "exec"), names)  # noqa: S102  it is what runs
        self.module = names["Trees"]
        self.trees = _Unpickler(self).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: Archive) -> None:
        super().__init__(io.BytesIO(archive.files["data.pkl"]))
        self.archive = archive

    def find_class(self, module: str, name: str) -> Any:
        known = {
            "__torch__.fynix Trees": self.archive.module,
            "torch._utils _rebuild_tensor_v2": _tensor,
            "torch.jit._pickle restore_type_tag": lambda value, kind: value,
            "collections OrderedDict": dict,
            **{f"torch {storage}": storage for storage in STORAGES},
        }
        return known[f"{module} {name}"]

    def persistent_load(self, saved: Any) -> Any:
        mark, storage, key, device, size = saved
        values = np.frombuffer(self.archive.files[f"data/{key}"], STORAGES[storage])
        if (mark, device, len(values)) != ("storage", "cpu", size):
            raise ValueError("a storage of another size than its tensor says")
        return values


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Any:
    if (offset, stride) != (0, (1,)):
        raise ValueError("a tensor that is not plain")
    return storage[: size[0]]


def _clamp(values: Any, min: int) -> Any:  # noqa: A002  the operator's own name for it
    return np.maximum(values, min)


def _sigmoid(values: Any) -> Any:
    with np.errstate(over="ignore"):
        return np.float32(1) / (np.float32(1) + np.exp(-values))


def _softmax(values: Any, axis: int) -> Any:
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


TORCH = SimpleNamespace(
    add=np.add,
    cat=lambda parts, axis: np.concatenate(parts, axis=axis),
    clamp=_clamp,
    exp=np.exp,
    full=lambda shape, value: np.full(shape, value, np.float32),
    full_like=np.full_like,
    gather=lambda values, axis, index: np.take_along_axis(values, index, axis),
    isnan=np.isnan,
    logical_and=np.logical_and,
    logical_not=np.logical_not,
    neg=np.negative,
    reshape=np.reshape,
    rsub=lambda values, number: np.float32(number) - values,
    select=lambda values, axis, place: np.take(values, place, axis),
    sigmoid=_sigmoid,
    size=lambda values, axis: values.shape[axis],
    softmax=_softmax,
    to=lambda values, kind: values.astype(DTYPES[kind]),
    where=np.where,
    zeros=lambda shape, dtype: np.zeros(shape, DTYPES[dtype]),
    zeros_like=np.zeros_like,
)
OPERATORS = {
    "torch": TORCH,
    "__torch__": SimpleNamespace(fynix=SimpleNamespace(Trees=None)),
    "Module": object,
    "Tensor": np.ndarray,
    "List": list,
    "Dict": dict,
    "Optional": Optional,
}
