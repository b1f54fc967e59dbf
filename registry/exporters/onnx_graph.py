"""The ONNX format: one input for each raw column, with the levels and the tuned threshold inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from registry.exporters import ExportContext
from registry.exporters.model import FynixModel
from registry.exporters.onnx_trees import ML, ensemble, regressor
from registry.exporters.rows import codes_of
from registry.exporters.splits import category_splits, minimum_onnxruntime
from training.engine.schema import InputColumn

# Opset, ai.onnx.ml opset, IR version: the oldest that hold each tree operator, so that most runtimes load it.
OLD, NEW = (13, 3, 8), (21, 5, 10)


def build(context: ExportContext) -> bytes:
    """The serialised graph; its metadata carries the schema and the card."""
    proto = _model(context.model)
    proto.doc_string = context.card
    proto.model_version = context.version
    facts = {
        "schema": json.dumps(context.model.schema.to_json(), sort_keys=True),
        "model_card": context.card,
        "min_onnxruntime": minimum_onnxruntime(context.model),
        "model": context.name,
        "version": str(context.version),
        **context.facts,
    }
    for name, value in facts.items():
        proto.metadata_props.add(key=f"fynix.{name}", value=value)
    return bytes(proto.SerializeToString(deterministic=True))


def output_names(model: FynixModel) -> tuple[str, ...]:
    """`label` and `probabilities`, or `prediction`; with `_` appended where a column has that name."""
    wanted = ("label", "probabilities") if model.schema.classes else ("prediction",)
    return tuple(_free(name, model) for name in wanted)


def _free(name: str, model: FynixModel) -> str:
    """A name that no column has."""
    while name in model.schema.names:
        name += "_"
    return name


class _Graph:
    """Nodes and constants under way. `new` hands out value names that no column has."""

    def __init__(self, model: FynixModel) -> None:
        self.model = model
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def new(self) -> str:
        return _free(f"fynix.{len(self.nodes)}", self.model)

    def add(self, operator: str, *sources: str, target: str = "", **attributes: Any) -> str:
        target = target or self.new()
        self.nodes.append(helper.make_node(operator, list(sources), [target], **attributes))
        return target

    def constant(self, values: np.ndarray) -> str:
        name = _free(f"fynix.constant.{len(self.constants)}", self.model)
        self.constants.append(numpy_helper.from_array(values, name))
        return name


def _model(model: FynixModel) -> ModelProto:
    splits = category_splits(model)
    write, versions = (regressor, OLD) if splits.single else (ensemble, NEW)
    graph = _Graph(model)
    matrix = graph.add("Concat", *(_encoded(graph, column) for column in model.schema.columns), axis=1)
    margin = graph.new()
    graph.nodes.append(write(model, splits, matrix, margin))
    outputs = _ANSWER[model.link](graph, margin)
    inputs = [_input(column) for column in model.schema.columns]
    body = helper.make_graph(graph.nodes, "fynix", inputs, outputs, graph.constants)
    opset, ml, ir = versions
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(ML, ml)]
    return helper.make_model(body, opset_imports=imports, ir_version=ir, producer_name="fynix-flux-pilot")


def _input(column: InputColumn) -> ValueInfoProto:
    kind = TensorProto.STRING if column.kind == "category" else TensorProto.FLOAT
    return helper.make_tensor_value_info(column.name, kind, ["N", 1])


def _encoded(graph: _Graph, column: InputColumn) -> str:
    """Name of the value that holds a column as the trees read it, shape (N, 1)."""
    if column.kind == "number":
        return column.name
    codes = codes_of(column)
    return graph.add(
        "LabelEncoder",
        column.name,
        domain=ML,
        keys_strings=list(codes) or [""],
        values_floats=list(codes.values()) or [float("nan")],
        default_float=float("nan"),
    )


def _binary(graph: _Graph, margin: str) -> list[ValueInfoProto]:
    p1 = graph.add("Sigmoid", margin)
    p0 = graph.add("Sub", graph.constant(np.ones((1, 1), np.float32)), p1)
    limit = graph.constant(np.array([[graph.model.threshold]], np.float32))
    column = graph.add("Cast", graph.add("GreaterOrEqual", p1, limit), to=TensorProto.INT64)
    graph.add("Concat", p0, p1, target=output_names(graph.model)[1], axis=1)
    return _labelled(graph, graph.add("Reshape", column, graph.constant(np.array([-1], np.int64))))


def _multiclass(graph: _Graph, margin: str) -> list[ValueInfoProto]:
    shares = graph.add("Softmax", margin, target=output_names(graph.model)[1], axis=1)
    return _labelled(graph, graph.add("ArgMax", shares, axis=1, keepdims=0))


def _labelled(graph: _Graph, index: str) -> list[ValueInfoProto]:
    label, shares = output_names(graph.model)
    classes = graph.model.schema.classes
    graph.add(
        "LabelEncoder",
        index,
        target=label,
        domain=ML,
        keys_int64s=list(range(len(classes))),
        values_strings=list(classes),
        default_string="",
    )
    return [
        helper.make_tensor_value_info(label, TensorProto.STRING, ["N"]),
        helper.make_tensor_value_info(shares, TensorProto.FLOAT, ["N", len(classes)]),
    ]


def _number(operator: str) -> Callable[[_Graph, str], list[ValueInfoProto]]:
    def answer(graph: _Graph, margin: str) -> list[ValueInfoProto]:
        name = graph.add(operator, margin, target=output_names(graph.model)[0])
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1])]

    return answer


_ANSWER: dict[str, Callable[[_Graph, str], list[ValueInfoProto]]] = {
    "logistic": _binary,
    "softmax": _multiclass,
    "identity": _number("Identity"),
    "exp": _number("Exp"),
}
