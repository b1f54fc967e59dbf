"""XGBoost as the engine uses it: boosters, without the estimators that it offers to scikit-learn.

Left alone, `import xgboost` loads scikit-learn, and with it pandas and most of scipy: 1.3 s of processor time and
130 MB in every process that learns or answers. XGBoost does without where scikit-learn cannot be loaded, so it is
hidden for as long as that import takes. `estimators` brings the other face to who writes a pipeline.
"""

import sys
from importlib import import_module, reload
from types import ModuleType

__all__ = ["estimators", "xgb"]

_GUEST = "sklearn"

if _GUEST in sys.modules:
    import xgboost as xgb
else:
    sys.modules[_GUEST] = None  # type: ignore[assignment]  # makes `import sklearn` fail
    try:
        import xgboost as xgb
    finally:
        del sys.modules[_GUEST]


def estimators() -> ModuleType:
    """The module `xgboost.sklearn`, whose `XGBClassifier` and `XGBRegressor` are scikit-learn's estimators."""
    found, compat = import_module("xgboost.sklearn"), import_module("xgboost.compat")
    if compat.SKLEARN_INSTALLED:
        return found
    reload(compat)
    return reload(found)
