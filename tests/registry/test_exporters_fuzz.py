"""Boosters of the dice answer alike in every format: numbers, levels up to 190, stumps, gaps, unseen levels."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from registry.exporters.model import margins
from registry.exporters.parity import TOLERANCE
from tests.registry.fuzz import READERS, TASKS, invent

pytestmark = pytest.mark.core
SEEDS = range(12)
HERE = [*READERS, *(["torch"] if find_spec("torch") else [])]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("reader", HERE)
def test_every_format_answers_like_the_booster(reader, task, tmp_path, monkeypatch):
    for seed in SEEDS:
        made = invent(task, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = made.answers(reader, tmp_path, monkeypatch)
        wanted = made.reference.outputs
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= TOLERANCE * np.maximum(1.0, np.abs(wanted).max()), (task, seed)


@pytest.mark.parametrize("task", TASKS)
def test_the_wheels_engine_adds_up_to_the_same_bits(task, tmp_path, monkeypatch):
    for seed in SEEDS:
        made = invent(task, seed)
        got = made.wheel_margins(tmp_path, monkeypatch)
        assert np.array_equal(got, made.reference.margins), (task, seed)
        assert np.array_equal(got, margins(made.context.model, made.reference.matrix))


def test_the_dice_reach_every_kind_of_model():
    models = [invent(task, seed).context.model for task in TASKS for seed in SEEDS]
    assert any(model.trees.depth.max() == 0 for model in models)
    assert any(len(codes) > 1 for model in models for codes in model.trees.sets)
    assert any(len(column.categories) == 190 for model in models for column in model.schema.columns)
    assert len({model.objective for model in models}) >= 5
