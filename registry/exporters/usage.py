"""Copy-and-paste instructions for each format, filled in from the model."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from pprint import pformat
from string import Template
from textwrap import indent

from registry.exporters import ExportContext, filename
from registry.exporters.rows import example_row
from registry.exporters.splits import minimum_onnxruntime
from training.engine.schema import MISSING_WORDS, InputColumn, ModelSchema, encode

# The wheel and the TorchScript module read text as training did; the others take what the caller has made of it.
_READS_TEXT = "These words count as missing too, in any case: {words}."
_TAKES_VALUES = "Where your data says missing in words, in any case, pass None instead: {words}."
_READERS_OF_TEXT = frozenset({"wheel", "torchscript"})

SNIPPETS = Path(__file__).with_name("snippets")


def usage(key: str, context: ExportContext, *, sha256: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Plain text: how to use one format in a shell, in Python and elsewhere, with an example row of this very model.

    Names and levels enter only as quoted literals of the language they stand in. `sha256` is the hash of the
    finished file and `environment` what it was made with, for the formats whose text says so.
    """
    template = Template((SNIPPETS / f"{key}.txt").read_text("utf-8"))
    common = Template((SNIPPETS / "values.txt").read_text("utf-8"))
    values = {**_values(key, context), **_origin(sha256, environment or {})}
    return template.substitute(values, about_values=common.substitute(values))


def _values(key: str, context: ExportContext) -> dict[str, str]:
    schema = context.model.schema
    row = example_row(schema)
    words = _READS_TEXT if key in _READERS_OF_TEXT else _TAKES_VALUES
    return {
        "filename": filename(key, context),
        "distribution": context.distribution,
        "module": context.module,
        "version": str(context.version),
        "minimum_onnxruntime": minimum_onnxruntime(context.model),
        "row": indent(pformat(row, sort_dicts=False, width=96), " " * 10).lstrip(),
        "row_in_shell": shlex.quote(json.dumps(row, ensure_ascii=False)),
        "about_words": words.format(words=", ".join(json.dumps(word) for word in sorted(MISSING_WORDS))),
        "answer": _answer(schema),
        "columns": str(len(schema.columns)),
        "output": "probabilities" if schema.classes else "prediction",
        "outputs": str(len(schema.classes) or 1),
        "order": ": one probability for each class, in the order of the signature" if schema.classes else "",
        "feed_in_java": _lines(schema, _java, indentation=8),
        "feed_in_node": _lines(schema, _node, indentation=8),
        "feed_in_csharp": _lines(schema, _csharp, indentation=8),
        "row_in_kotlin": _lines(schema, _kotlin, indentation=8),
        "codes_in_cpp": ", ".join(
            f"{value:.9g}f" if "." in f"{value:.9g}" else f"{value:.1f}f" for value in _codes(schema)
        ),
    }


def _origin(sha256: str, environment: Mapping[str, str]) -> dict[str, str]:
    pinned = " ".join(f"{name}=={found}" for name, found in environment.items() if name != "python")
    return {"sha256": sha256, "packages": pinned, "python": environment.get("python", "")}


def _codes(schema: ModelSchema) -> list[float]:
    row = {name: [value] for name, value in example_row(schema).items()}
    return [float(value) for value in encode(schema, row)[0]]


def _lines(schema: ModelSchema, write: Callable[[InputColumn, object], str], *, indentation: int) -> str:
    row = example_row(schema)
    return indent("\n".join(write(column, row[column.name]) for column in schema.columns), " " * indentation)


def _java(column: InputColumn, value: object) -> str:
    if column.kind == "category":
        tensor = f"new String[] {{{_quoted(value)}}}, new long[] {{1, 1}}"
    else:
        tensor = f"new float[][] {{{{{value}f}}}}"
    return f"feed.put({_quoted(column.name)}, OnnxTensor.createTensor(environment, {tensor}));"


def _node(column: InputColumn, value: object) -> str:
    kind = "string" if column.kind == "category" else "float32"
    literal = _quoted(value) if column.kind == "category" else value
    return f'[{_quoted(column.name)}]: new ort.Tensor("{kind}", [{literal}], [1, 1]),'


def _csharp(column: InputColumn, value: object) -> str:
    kind = "string" if column.kind == "category" else "float"
    literal = _quoted(value) if column.kind == "category" else f"{value}f"
    tensor = f"new DenseTensor<{kind}>(new[] {{ {literal} }}, new[] {{ 1, 1 }})"
    return f"NamedOnnxValue.CreateFromTensor({_quoted(column.name)}, {tensor}),"


def _kotlin(column: InputColumn, value: object) -> str:
    literal = _in_kotlin(value) if column.kind == "category" else value
    return f"{_in_kotlin(column.name)} to {literal},"


def _quoted(value: object) -> str:
    """An ASCII string literal that Java, JavaScript and C# read as the same text, as JSON does."""
    return json.dumps(str(value))


def _in_kotlin(value: object) -> str:
    """Kotlin fills in what follows a dollar sign, and knows no form feed."""
    letters = (json.dumps(letter)[1:-1] for letter in str(value))
    special = {"$": "\\$", "\\f": "\\u000c"}
    return '"' + "".join(special.get(letter, letter) for letter in letters) + '"'


def _answer(schema: ModelSchema) -> str:
    if schema.task == "regression":
        return "The answer is one number, the prediction."
    if schema.task == "multiclass":
        return "The answer is the class with the highest probability."
    limit = 0.5 if schema.threshold is None else schema.threshold
    no, yes = (repr(name) for name in schema.classes)
    return f"The answer is {yes} when its probability is at least {limit:.6g}, else {no}."
