"""The versions of what an artifact is made with."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

# Name that people install, and the distributions that provide it here.
PACKAGES = {
    "xgboost": ("xgboost-cpu", "xgboost"),
    "scikit-learn": ("scikit-learn",),
    "numpy": ("numpy",),
    "scipy": ("scipy",),
    "joblib": ("joblib",),
}


def environment() -> dict[str, str]:
    """Python and the packages that a joblib file must be opened with, by the names people install."""
    return {"python": platform.python_version(), **{name: _installed(*found) for name, found in PACKAGES.items()}}


@cache
def _installed(*distributions: str) -> str:
    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise PackageNotFoundError(distributions[0])
