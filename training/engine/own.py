"""A metric that a person wrote: its name, its formula, and which way is better.

Its key tells all that another run must share to be compared with it: `own:<name>:<lower or higher>:<mark>`, where the
mark is of the formula. Equal keys are equal metrics, and no list needs to look up which way is better.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"]
LONGEST_NAME = 24  # characters, so that a key fits into the 40 that the database keeps
KEY = re.compile(r"own:(?P<name>[^:]{1,24}):(?P<better>lower|higher):(?P<mark>[0-9a-f]{4})")


@dataclass(frozen=True)
class OwnMetric:
    """`formula` is in the language of formulas.py."""

    name: str
    formula: str
    better: Better = "lower"

    @property
    def key(self) -> str:
        """How the metric is called in curves, reports and lists; spaces of a formula make no difference."""
        mark = hashlib.sha256("".join(self.formula.split()).encode()).hexdigest()[:4]
        return f"own:{self.name.replace(' ', '_')}:{self.better}:{mark}"


def is_name(text: str) -> bool:
    """Whether a metric can have this name: letters, digits, single spaces and hyphens, not too many."""
    fits = all(unicodedata.category(letter)[0] in "LMN" or letter in " -" for letter in text)
    return fits and 0 < len(text) <= LONGEST_NAME and text == " ".join(text.split())


def name_in(key: str) -> str:
    """The name that a person gave the metric of this key; empty for keys of other metrics."""
    found = KEY.fullmatch(key)
    return found["name"].replace("_", " ") if found else ""


def lower_is_better(key: str) -> bool:
    found = KEY.fullmatch(key)
    return found is not None and found["better"] == "lower"
