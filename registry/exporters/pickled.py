"""The joblib format: a scikit-learn pipeline. Opening such a file runs code, so it comes last and only on request."""

from __future__ import annotations

import io
from itertools import groupby
from typing import Any

import numpy as np

from registry.exporters import ExportContext
from registry.exporters.environment import environment
from registry.exporters.model import FynixModel
from registry.exporters.rows import codes_of, example_row
from training.engine.learner import estimators
from training.engine.schema import InputColumn, ModelSchema


def build(context: ExportContext) -> bytes:
    """The pickled pipeline, uncompressed, so that scanners can look into it.

    It takes raw columns in the order of the signature, as a table of objects. Its attribute `fynix` holds the
    signature, the card and the versions of what it was made with.
    """
    import joblib  # noqa: PLC0415  with scikit-learn it costs a second that no other format needs
    from sklearn.pipeline import Pipeline  # noqa: PLC0415

    schema = context.model.schema
    pipeline = Pipeline([("columns", _columns(schema)), ("model", _estimator(context))])
    pipeline.fynix = {
        "schema": schema.to_json(),
        "card": context.card,
        "facts": dict(context.facts),
        "environment": environment(),
    }
    out = io.BytesIO()
    joblib.dump(pipeline, out, compress=0)
    return out.getvalue()


def _columns(schema: ModelSchema) -> Any:
    """From raw cells to the matrix the trees read; runs of columns of one kind, so that their order stays."""
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415

    runs = [(kind, list(part)) for kind, part in groupby(enumerate(schema.columns), key=lambda item: item[1].kind)]
    steps = [
        (f"{kind} {place}", _STEPS[kind]([column for _, column in part]), [index for index, _ in part])
        for place, (kind, part) in enumerate(runs)
    ]
    row = np.array([list(example_row(schema).values())], dtype=object)
    return ColumnTransformer(steps).fit(row)


def _numbers(columns: list[InputColumn]) -> Any:
    from sklearn.preprocessing import FunctionTransformer  # noqa: PLC0415

    return FunctionTransformer(np.asarray, kw_args={"dtype": np.float32})


def _levels(columns: list[InputColumn]) -> Any:
    """Levels to codes; missing and unseen ones to NaN."""
    from sklearn.preprocessing import OrdinalEncoder  # noqa: PLC0415

    # A level that no row can hold keeps its place, so that the others keep their codes.
    levels = [
        [level if level in codes_of(column) else f"\0{place}" for place, level in enumerate(column.categories)]
        or ["\0"]
        for column in columns
    ]
    return OrdinalEncoder(
        categories=[np.array(each, dtype=object) for each in levels],
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        dtype=np.float32,
    )


_STEPS = {"number": _numbers, "category": _levels}


def _estimator(context: ExportContext) -> Any:
    """XGBoost's own estimator; for two classes behind the tuned threshold."""
    from sklearn.frozen import FrozenEstimator  # noqa: PLC0415
    from sklearn.model_selection import FixedThresholdClassifier  # noqa: PLC0415

    model, offered = context.model, estimators()
    estimator = (offered.XGBClassifier if model.schema.classes else offered.XGBRegressor)(
        n_jobs=1, enable_categorical=True
    )
    estimator.load_model(bytearray(context.native))
    if model.link != "logistic":
        return estimator
    fixed = FixedThresholdClassifier(FrozenEstimator(estimator), threshold=float(model.threshold), pos_label=1)
    return fixed.fit(_blank(model), [0])


def _blank(model: FynixModel) -> Any:
    return np.full((1, len(model.schema.columns)), np.nan, np.float32)
