"""Model files to take away: one row in EXPORTERS for each format."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from registry.exporters.model import FynixModel

SLUG_LENGTH = 60


@dataclass(frozen=True)
class ExportContext:
    """Everything that goes into an artifact besides the trees.

    `name` is what people call the model; `identity` (ASCII letters and digits) names it where nothing of
    `name` survives in ASCII; `card` is its model card in Markdown; `facts` are short strings for the
    metadata (project, run, data_sha256 and so on). The same context gives the same bytes.
    """

    model: FynixModel
    native: bytes
    name: str
    identity: str
    version: int
    card: str
    created: date
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """`name` in lower-case ASCII with hyphens, or `model-<identity>`."""
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode().lower()
        words = "".join(letter if letter.isalnum() else " " for letter in plain).split()
        return "-".join(words)[:SLUG_LENGTH].strip("-") or f"model-{self.identity[:8]}"

    @property
    def distribution(self) -> str:
        """Name of the wheel's distribution, such as `fynix-churn`."""
        return f"fynix-{self.slug}"

    @property
    def module(self) -> str:
        """Name of the wheel's package; the prefix keeps it clear of keywords and leading digits."""
        return self.distribution.replace("-", "_")


@dataclass(frozen=True)
class Exported:
    """A finished artifact."""

    filename: str
    data: bytes
    media_type: str


class Build(Protocol):
    """Writes one format: the bytes of the artifact. Raises Unsupported for a model the format cannot hold."""

    def __call__(self, context: ExportContext) -> bytes: ...


@dataclass(frozen=True)
class Exporter:
    """One format. `path` leads to its Build; `readers` name the runtimes of probe.py that must agree.

    `guests` are further readers, each with the package it needs and that this server may lack; where one is
    installed it must agree too, and the evidence says which were not asked. `runs_code` marks a format whose
    files run code when they are opened: it is made only where somebody has asked for it.
    """

    label: str
    filename: str
    media_type: str
    path: str
    description: str
    readers: tuple[str, ...]
    guests: Mapping[str, str] = field(default_factory=dict)
    runs_code: bool = False


EXPORTERS: dict[str, Exporter] = {
    "native": Exporter(
        label="XGBoost",
        filename="{slug}-v{version}.ubj",
        media_type="application/octet-stream",
        path="registry.exporters.native:build",
        description="The booster itself, for XGBoost in any language.",
        readers=("native",),
    ),
    "onnx": Exporter(
        label="ONNX",
        filename="{slug}-v{version}.onnx",
        media_type="application/octet-stream",
        path="registry.exporters.onnx_graph:build",
        description="One graph that takes your raw columns by name, for any ONNX runtime.",
        readers=("onnx",),
    ),
    "wheel": Exporter(
        label="Python wheel",
        filename="{wheel}-{version}.0.0-py3-none-any.whl",
        media_type="application/zip",
        path="registry.exporters.wheel:build",
        description="A Python package that needs nothing else, with a command line for CSV files.",
        readers=("wheel", "wheel-numpy"),
    ),
    "tflite": Exporter(
        label="TensorFlow Lite",
        filename="{slug}-v{version}.tflite",
        media_type="application/octet-stream",
        path="registry.exporters.tflite:build",
        description="A graph of plain operators for phones and small devices, with card and signature inside.",
        readers=("tflite",),
    ),
    "torchscript": Exporter(
        label="TorchScript",
        filename="{slug}-v{version}.pt",
        media_type="application/octet-stream",
        path="registry.exporters.torchscript:build",
        description="A module for PyTorch in Python, C++ or Java. PyTorch calls the format old; it still reads it.",
        readers=("torchscript",),
        guests={"torch": "torch"},
    ),
    "joblib": Exporter(
        label="joblib",
        filename="{slug}-v{version}.joblib",
        media_type="application/octet-stream",
        path="registry.exporters.pickled:build",
        description="A scikit-learn pipeline, for the very versions it was made with.",
        readers=("joblib",),
        runs_code=True,
    ),
}

BUNDLE = "bundle"
FORMATS: dict[str, Exporter] = {
    **EXPORTERS,
    BUNDLE: Exporter(
        label="Everything in one zip",
        filename="{slug}-v{version}.zip",
        media_type="application/zip",
        path="registry.exporters.bundle:write",
        description="All files that run no code when they are opened, with card, signature, instructions and hashes.",
        readers=(),
    ),
}
"""Everything that can be downloaded of a version, in the order that people see."""


def filename(key: str, context: ExportContext) -> str:
    """Name of the artifact's file, in ASCII."""
    return EXPORTERS[key].filename.format(slug=context.slug, wheel=context.module, version=context.version)


def export(key: str, context: ExportContext) -> Exported:
    """Builds one artifact. Raises KeyError for an unknown format, Unsupported for a model it cannot hold."""
    exporter = EXPORTERS[key]
    module, _, function = exporter.path.partition(":")
    build = cast("Build", getattr(import_module(module), function))
    return Exported(filename(key, context), build(context), exporter.media_type)
