"""A finished model answers raw rows and explains them exactly."""

import numpy as np
import pytest

from tests.training.tables import TASKS, learn
from training.engine import BadInput, Model, RunConfig
from training.engine.columns import encode_frame
from training.engine.explain import contributions


@pytest.fixture(scope="module", params=list(TASKS))
def finished(request, tmp_path_factory):
    make, target = TASKS[request.param]
    config = RunConfig(target, request.param, threads=1, parameters={"n_estimators": 20})
    outcome = learn(tmp_path_factory.mktemp(request.param), make(), config)
    return outcome, Model(outcome.native, outcome.schema)


def test_contributions_and_bias_sum_to_the_margin(finished):
    outcome, model = finished
    matrix = encode_frame(outcome.schema, outcome.holdout)
    values, bias = contributions(model, matrix)
    margins = model.margins(matrix)
    assert values.shape == (len(matrix), outcome.schema.outputs, len(outcome.schema.columns))
    scale = max(1.0, float(np.abs(margins).max()))
    np.testing.assert_allclose(values.sum(axis=2) + bias, margins, atol=1e-5 * scale)


def test_each_class_gets_a_probability_and_a_number_gets_none(finished):
    outcome, model = finished
    for answer in model.answers(outcome.holdout.head(5).to_dict(as_series=False)):
        assert tuple(answer.probabilities) == outcome.schema.classes
        total = 1 if outcome.schema.classes else 0
        assert sum(answer.probabilities.values()) == pytest.approx(total, abs=1e-6)
        assert isinstance(answer.value, str) == bool(outcome.schema.classes)


def test_an_empty_row_and_an_unseen_level_are_answered_as_missing(finished):
    outcome, model = finished
    blank = {name: [None] for name in outcome.schema.names}
    strange = {c.name: ["never seen" if c.kind == "category" else ""] for c in outcome.schema.columns}
    assert model.answers(blank) == model.answers(strange)


def test_an_infinite_cell_is_refused_by_name_and_an_infinite_matrix_at_all(finished):
    outcome, model = finished
    name = next(column.name for column in outcome.schema.columns if column.kind == "number")
    with pytest.raises(BadInput, match=name):
        model.answers({name: ["inf"]})
    with pytest.raises(ValueError, match="Infinite"):
        model.margins(np.full((1, len(outcome.schema.columns)), np.inf, dtype=np.float32))
