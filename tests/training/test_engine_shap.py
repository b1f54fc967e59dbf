"""Our explanations beside those of the shap package, which computes TreeSHAP on its own path."""

from pathlib import Path

import numpy as np
import pytest
import shap

from tests.training.tables import TASKS, learn
from training.engine import RunConfig
from training.engine.explain import contributions
from training.engine.predict import Model
from training.engine.schema import Task, encode


@pytest.mark.parametrize("task", TASKS)
def test_contributions_are_those_of_the_shap_package(task: Task, tmp_path: Path) -> None:
    table, target = TASKS[task]
    config = RunConfig(target=target, task=task, threads=1, parameters={"n_estimators": 40})
    outcome = learn(tmp_path, table(), config)
    model = Model(outcome.native, outcome.schema)
    values = encode(outcome.schema, {name: outcome.holdout[name].to_list() for name in outcome.schema.names})
    ours, bias = contributions(model, values)
    theirs = shap.TreeExplainer(model.booster).shap_values(model.matrix(values))
    shaped = np.asarray(theirs).reshape(len(values), len(outcome.schema.names), -1).transpose(0, 2, 1)
    assert np.abs(ours - shaped).max() < 1e-5
    margins = model.margins(values)
    assert np.abs(ours.sum(axis=2) + bias - margins).max() < 1e-4 * max(1.0, float(np.abs(margins).max()))
