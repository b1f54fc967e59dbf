"""The native format: XGBoost's own UBJ file, unchanged."""

from __future__ import annotations

from registry.exporters import ExportContext


def build(context: ExportContext) -> bytes:
    """The stored booster, byte for byte."""
    return context.native
