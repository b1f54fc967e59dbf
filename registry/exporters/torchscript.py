"""The TorchScript format, written without PyTorch: fixed code, and the model's tables as raw storages.

Layout of the archive: torch/csrc/jit/docs/serialization.md of PyTorch. The code is the same for every model.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.exporters import ExportContext, archive
from registry.exporters.model import FynixModel
from registry.exporters.rows import codes_of
from registry.exporters.tables import is_category, tables
from registry.exporters.usage import usage
from training.engine.schema import MISSING_WORDS

CODE = Path(__file__).with_name("torchscript_src") / "fynix.py"
ROOT = "model"
FORMAT_VERSION = b"5\n"
ALIGNMENT = 64
LOCAL_HEADER = 30  # bytes before an entry's name, PKWARE APPNOTE 4.3.7
PAD_HEAD = 4
STORAGES = {"float32": "FloatStorage", "int32": "IntStorage", "uint8": "ByteStorage", "bool": "BoolStorage"}
EMPTY_TUPLE = b"\x80\x02)."


def build(context: ExportContext) -> bytes:
    """Bytes of the .pt; `extra/` holds the card, the signature and the usage text."""
    buffers = _buffers(context.model)
    files = {
        "data.pkl": _object(context.model, buffers),
        "byteorder": b"little",
        **{f"data/{place}": values.tobytes() for place, values in enumerate(buffers.values())},
        "code/__torch__/fynix.py": CODE.read_bytes(),
        "constants.pkl": EMPTY_TUPLE,
        "extra/MODEL_CARD.md": context.card.encode(),
        "extra/schema.json": json.dumps(context.model.schema.to_json(), sort_keys=True).encode(),
        "extra/facts.json": json.dumps(dict(context.facts), sort_keys=True).encode(),
        "extra/USAGE.txt": usage("torchscript", context).encode(),
        "version": FORMAT_VERSION,
    }
    return _aligned(context, files)


def _buffers(model: FynixModel) -> dict[str, NDArray[Any]]:
    table = tables(model)
    return {
        "column": table.column,
        "threshold": table.threshold,
        "left": table.left,
        "weight": table.weight,
        "member": table.member,
        "roots": table.roots,
        "sets": table.sets if table.has_sets else np.zeros(table.levels + 2, np.uint8),
        "category": is_category(model),
        "base": model.base,
    }


def _object(model: FynixModel, buffers: Mapping[str, NDArray[Any]]) -> bytes:
    """The pickled module: an object of the class in the code, with its buffers and attributes as state."""
    schema = model.schema
    out = _Opcodes()
    out.reference("__torch__.fynix", "Trees")
    out.raw(b")\x81}(")
    for place, (name, values) in enumerate(buffers.items()):
        out.text(name)
        out.tensor(place, values)
    table = tables(model)
    state: dict[str, Any] = {
        "training": False,
        "_is_full_backward_hook": None,
        "depth": table.depth,
        "levels": table.levels,
        "outputs": model.outputs,
        "link": model.link,
    }
    for name, value in state.items():
        out.text(name)
        out.value(value)
    out.text("names")
    out.sequence("List[str]", schema.names)
    out.text("missing")
    out.sequence("List[str]", sorted(MISSING_WORDS))
    out.text("codes")
    out.sequence("List[Dict[str, float]]", [codes_of(column) for column in schema.columns])
    out.raw(b"ub.")
    return bytes(out.data)


class _Opcodes:
    """A pickle of protocol 2 under way, written by hand so that no class has to exist here."""

    def __init__(self) -> None:
        self.data = bytearray(b"\x80\x02")

    def raw(self, opcodes: bytes) -> None:
        self.data += opcodes

    def reference(self, module: str, name: str) -> None:
        self.raw(f"c{module}\n{name}\n".encode())

    def text(self, value: str) -> None:
        content = value.encode("utf-8")
        self.raw(b"X" + struct.pack("<I", len(content)) + content)

    def value(self, value: float | str | bool | None) -> None:
        """One plain attribute, as TorchScript types it."""
        if value is None:
            self.raw(b"N")
        elif isinstance(value, bool):
            self.raw(b"\x88" if value else b"\x89")
        elif isinstance(value, int):
            self.raw(b"J" + struct.pack("<i", value))
        elif isinstance(value, float):
            self.raw(b"G" + struct.pack(">d", value))
        else:
            self.text(value)

    def tensor(self, place: int, values: NDArray[Any]) -> None:
        """A tensor of one dimension over the storage numbered `place`."""
        self.reference("torch._utils", "_rebuild_tensor_v2")
        self.raw(b"((")
        self.text("storage")
        self.reference("torch", STORAGES[values.dtype.name])
        self.text(str(place))
        self.text("cpu")
        self.value(values.size)
        self.raw(b"tQ")
        self.value(0)
        self.raw(b"(")
        self.value(values.size)
        self.raw(b"t(")
        self.value(1)
        self.raw(b"t\x89")
        self.reference("collections", "OrderedDict")
        self.raw(b")RtR")

    def sequence(self, kind: str, values: Sequence[str] | Sequence[Mapping[str, float]]) -> None:
        """A list that carries its type, as do the dictionaries in it."""
        self.reference("torch.jit._pickle", "restore_type_tag")
        self.raw(b"](")
        for value in values:
            if not isinstance(value, str):
                self._dictionary(value)
            else:
                self.text(value)
        self.raw(b"e")
        self.text(kind)
        self.raw(b"\x86R")

    def _dictionary(self, values: Mapping[str, float]) -> None:
        self.reference("torch.jit._pickle", "restore_type_tag")
        self.raw(b"}(")
        for key, value in values.items():
            self.text(key)
            self.value(value)
        self.raw(b"u")
        self.text("Dict[str, float]")
        self.raw(b"\x86R")


def _aligned(context: ExportContext, files: Mapping[str, bytes]) -> bytes:
    """A zip without compression in which each content starts at a multiple of ALIGNMENT, to be mapped as it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for name, content in files.items():
            entry = archive.entry(f"{ROOT}/{name}", context.created)
            entry.compress_type = zipfile.ZIP_STORED
            entry.extra = _padding(out.tell() + LOCAL_HEADER + len(entry.filename.encode()))
            target.writestr(entry, content)
    return out.getvalue()


def _padding(start: int) -> bytes:
    """An extra field, ignored by its mark, that moves the content from `start` to the next aligned place."""
    missing = -start % ALIGNMENT
    if missing < PAD_HEAD:
        missing += ALIGNMENT
    return b"FB" + struct.pack("<H", missing - PAD_HEAD) + b"\0" * (missing - PAD_HEAD)
