"""Models of real tables by the default recipe answer alike in every format, over the whole holdout and hard rows.

Bundled tables are whole; of the others there are cuts. `python -m benchmarks.bench_exports --tables FOLDER` runs the
full tables through the guard's own processes.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bench_exports import BUNDLED, TABLES, learn
from registry.exporters import ExportContext
from registry.exporters.model import decode, margins
from registry.exporters.parity import TOLERANCE, _reference
from tests.registry.boosters import WHEN
from tests.registry.fuzz import READERS, Invented

pytestmark = pytest.mark.core
CUTS = Path(__file__).with_name("cuts")


@pytest.fixture(scope="module", params=list(TABLES))
def learnt(request: pytest.FixtureRequest) -> Invented:
    """The recipe as it is, with fewer rounds."""
    config = TABLES[request.param]
    path = next(path for path in (BUNDLED / f"{request.param}.csv", CUTS / f"{request.param}.csv") if path.exists())
    outcome = learn(path, replace(config, threads=1, parameters={"n_estimators": 40}))
    model = decode(outcome.native, outcome.schema)
    rows = {name: outcome.holdout[name].to_list() for name in outcome.schema.names}
    context = ExportContext(model, outcome.native, "Table", "table000", 1, "# Table\n", WHEN)
    return Invented(context, _reference(model, outcome.native, rows, whole=True))


@pytest.mark.parametrize("reader", list(READERS))
def test_every_format_answers_like_the_booster(learnt, reader, tmp_path, monkeypatch):
    wanted = learnt.reference.outputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = learnt.answers(reader, tmp_path, monkeypatch)
    assert learnt.reference.real >= 60
    assert len(wanted) - learnt.reference.real >= 100
    # A number is the sum of the trees itself, and every format adds them in the model's own order.
    assert np.abs(got - wanted).max() <= (TOLERANCE if learnt.context.model.schema.classes else 0)


def test_the_wheel_adds_up_to_the_same_bits(learnt, tmp_path, monkeypatch):
    assert np.array_equal(learnt.wheel_margins(tmp_path, monkeypatch), learnt.reference.margins)
    assert np.array_equal(margins(learnt.context.model, learnt.reference.matrix), learnt.reference.margins)
