"""Profiling of uploaded tables: what is in each column, how sure we are, and a typed table to learn from.

The words of it. What works on columns is loaded by its first use; the whole job is `job.profile`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from datasets.profiling.document import (
    Association,
    ColumnProfile,
    Figure,
    Histogram,
    ProfileDocument,
    Reading,
    Reject,
    Renamed,
    Value,
)
from datasets.profiling.formats import Unreadable
from datasets.profiling.plan import Plan, ReadingChoice, Step
from datasets.profiling.stability import Stability

if TYPE_CHECKING:
    from datasets.profiling.parquet import first
    from datasets.profiling.recipe import losses
    from datasets.profiling.shifts import stabilities

HOMES = {"first": "parquet", "losses": "recipe", "stabilities": "shifts"}

__all__ = [
    "Association",
    "ColumnProfile",
    "Figure",
    "Histogram",
    "Plan",
    "ProfileDocument",
    "Reading",
    "ReadingChoice",
    "Reject",
    "Renamed",
    "Stability",
    "Step",
    "Unreadable",
    "Value",
    "first",
    "losses",
    "stabilities",
]


def __getattr__(name: str) -> object:
    # Polars takes a quarter of a second and 60 MB to load; a server's pages hardly ever need it.
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
