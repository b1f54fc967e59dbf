"""A TensorFlow Lite file under way: tensors, constants and operators, written straight as a flatbuffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

Operator = schema.BuiltinOperator
FLOAT, INT, BYTE, BOOL = (
    schema.TensorType.FLOAT32,
    schema.TensorType.INT32,
    schema.TensorType.INT8,
    schema.TensorType.BOOL,
)
TYPES = {np.dtype("float32"): FLOAT, np.dtype("int32"): INT, np.dtype("int8"): BYTE, np.dtype("bool"): BOOL}
FILE_MARK = b"TFL3"
SCHEMA_VERSION = 3
# Readers older than the wide operator codes look into a field that ends here.
LARGEST_OLD_CODE = 127
# GATHER knows batch dimensions from this version on.
BATCHED_GATHER = 5
ANY_ROWS = -1


class File:
    """One graph. Tensors are named by their numbers; every computed one has a row for each row that comes in."""

    def __init__(self, description: str) -> None:
        self.model = schema.ModelT()
        self.model.version = SCHEMA_VERSION
        self.model.description = description.encode()
        self.model.buffers = [schema.BufferT()]  # number 0 means "no content" by the format's own rule
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.name, self.graph.tensors, self.graph.operators = b"main", [], []
        self.model.subgraphs = [self.graph]
        self.codes: dict[tuple[int, int], int] = {}

    def input(self, name: str, width: int) -> int:
        self.graph.inputs = [self._tensor(FLOAT, [1, width], name=name, rows=True)]
        return int(self.graph.inputs[0])

    def constant(self, values: NDArray[Any] | np.generic) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        return self._tensor(TYPES[values.dtype], values.shape, buffer=len(self.model.buffers) - 1)

    def add(
        self, name: str, sources: Sequence[int], kind: int, width: Sequence[int], *, version: int = 1, **options: Any
    ) -> int:
        """The number of the tensor that operator `name` gives, of shape (rows, *width)."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(Operator, name), version)
        operator.inputs = list(sources)
        operator.outputs = [self._tensor(kind, [1, *width], rows=True)]
        _options(operator, name, options)
        self.graph.operators.append(operator)
        return int(operator.outputs[0])

    def finish(self, outputs: Mapping[str, int]) -> bytes:
        """The file, with one signature that names its input and its outputs."""
        self.graph.outputs = list(outputs.values())
        for name, number in outputs.items():
            self.graph.tensors[number].name = name.encode()
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        signature.inputs = [_named(self.graph.tensors[number].name, number) for number in self.graph.inputs]
        signature.outputs = [_named(name.encode(), number) for name, number in outputs.items()]
        self.model.signatureDefs = [signature]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), FILE_MARK)
        return bytes(builder.Output())

    def _tensor(self, kind: int, shape: Sequence[int], *, name: str = "", buffer: int = 0, rows: bool = False) -> int:
        tensor = schema.TensorT()
        tensor.name = (name or f"t{len(self.graph.tensors)}").encode()
        tensor.type, tensor.shape, tensor.buffer = kind, list(shape), buffer
        if rows:
            tensor.shapeSignature = [ANY_ROWS, *shape[1:]]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def _code(self, operator: int, version: int) -> int:
        if (operator, version) not in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version = operator, version
            code.deprecatedBuiltinCode = min(operator, LARGEST_OLD_CODE)
            self.model.operatorCodes.append(code)
            self.codes[operator, version] = len(self.model.operatorCodes) - 1
        return self.codes[operator, version]


def _options(operator: Any, name: str, options: Mapping[str, Any]) -> None:
    """Every operator has a table of options of its own, named after it but for those in _OPTIONS."""
    kind = _OPTIONS.get(name) or "".join(word.capitalize() for word in name.split("_")) + "Options"
    if not hasattr(schema, f"{kind}T"):
        return  # LOGISTIC has none
    table = getattr(schema, f"{kind}T")()
    for key, value in options.items():
        setattr(table, key, value)
    operator.builtinOptions = table
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)


_OPTIONS = {"MAXIMUM": "MaximumMinimumOptions", "SELECT_V2": "SelectV2Options"}


def _named(name: bytes, number: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, number
    return entry
