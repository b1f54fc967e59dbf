"""The limited process in which stored models answer. One JSON line in, one JSON line out.

A request names the model file (already checked against its hash by the parent), its schema and raw rows.
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from fynix import leash
from training.engine.explain import contributions
from training.engine.predict import Model
from training.engine.schema import BadInput, InputColumn, ModelSchema, encode, encode_column, unseen

KEPT_MODELS = 4


def main() -> None:
    """Serve until the parent closes the pipe. The argument is the most memory it may take, in bytes; 0: no limit."""
    # The end of the pipe tells that the parent is gone; a death signal would come with the end of a mere thread of it.
    leash.limit_memory(int(sys.argv[1]))
    models: OrderedDict[str, Model] = OrderedDict()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_serve(models, request)), flush=True)  # noqa: T201  the pipe is the answer's way


def _serve(models: OrderedDict[str, Model], request: dict[str, Any]) -> dict[str, Any]:
    try:
        asked = answer if request["explain"] else score
        return asked(_model(models, request), request["table"])
    except BadInput as error:
        return {"bad_input": {"column": error.column, "row": error.row, "code": error.code}}


def _model(models: OrderedDict[str, Model], request: dict[str, Any]) -> Model:
    sha256 = request["sha256"]
    if sha256 not in models:
        models[sha256] = Model(Path(request["path"]).read_bytes(), ModelSchema.from_json(request["schema"]))
    models.move_to_end(sha256)
    while len(models) > KEPT_MODELS:
        models.popitem(last=False)
    return models[sha256]


def answer(model: Model, table: dict[str, list[Any]]) -> dict[str, Any]:
    """Answers, probabilities, margins and SHAP contributions (margin space) for every row of raw columns."""
    matrix = encode(model.schema, table)
    values, bias = contributions(model, matrix)
    margins = model.margins(matrix)
    return {
        "answers": [{"value": a.value, "probabilities": a.probabilities} for a in model.answers(table)],
        "margins": margins.astype(float).tolist(),
        "contributions": values.astype(float).tolist(),
        "bias": bias.astype(float).tolist(),
        "missing": np.isnan(matrix).tolist(),
        "unseen": unseen(model.schema, table),
    }


def score(model: Model, table: dict[str, list[Any]]) -> dict[str, Any]:
    """Predictions in the order of the classes, or values, for many rows of raw columns; no explanation.

    Cells that cannot be read are `errors`, as row and column, and count as missing in the predictions.
    """
    found = _errors(model.schema, table)
    for error in found:
        table[error["column"]][error["row"]] = None
    matrix = encode(model.schema, table)
    return {"predicted": model.predict(matrix).astype(float).tolist(), "errors": found}


def _errors(schema: ModelSchema, table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every cell of a number column that holds none; columns without any are looked at once."""
    found = []
    for column in schema.columns:
        if column.kind != "number" or column.name not in table or _reads(column, table[column.name]):
            continue
        cells = enumerate(table[column.name])
        found += [{"row": row, "column": column.name} for row, cell in cells if not _reads(column, [cell])]
    return found


def _reads(column: InputColumn, values: list[Any]) -> bool:
    try:
        encode_column(column, values)
    except BadInput:
        return False
    return True


if __name__ == "__main__":
    main()
