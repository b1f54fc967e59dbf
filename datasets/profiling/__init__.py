"""Profiling of uploaded tables: what is in each column, how sure we are, and a typed table to learn from.

The words of it; the work is `job.profile`, which alone loads what works on columns.
"""

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
    "Step",
    "Unreadable",
    "Value",
]
