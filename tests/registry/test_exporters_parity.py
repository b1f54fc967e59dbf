"""Nothing is published that answers differently from the booster."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from registry.exporters import EXPORTERS, export
from registry.exporters.model import margins
from registry.exporters.parity import Parity, ParityFailed, check
from registry.exporters.rows import adversarial_table
from registry.exporters.runner import Died, Job, run
from registry.exporters.trees import sum_leaves
from tests.registry.boosters import HOSTILE, trained
from training.engine.schema import encode


def prove(key, made, *, model=None, data=None, **changes):
    """Exports `model` (the right one by default) and checks it against the booster."""
    exported = export(key, made.context(model=model or made.model, **changes))
    return check(
        key,
        exported.data if data is None else data,
        model=made.model,
        native=made.native,
        rows=made.holdout,
        filename=exported.filename,
    )


def bent(model):
    """The model with the first threshold of its first tree moved by one float32 step."""
    value = model.trees.value.copy()
    node = int(np.flatnonzero((model.trees.feature >= 0) & (model.trees.member < 0))[0])
    value[node] = np.nextafter(value[node], np.float32(np.inf))
    return replace(model, trees=replace(model.trees, value=value))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("key", list(EXPORTERS))
def test_every_format_is_proven(key, task):
    parity = prove(key, trained(task))
    assert (parity.verified, parity.margins_bit_equal, parity.rows) == (True, True, 300)
    assert parity.adversarial_rows > 200
    assert parity.max_abs <= parity.tolerance
    assert parity.label_agreement == (None if task == "regression" else 1.0)


def test_category_sets_are_proven_too():
    assert prove("onnx", trained("multiclass", onehot=4)).verified


def test_the_wheel_runs_with_and_without_numpy():
    plain, fast = prove("wheel", trained("binary")).runtimes
    assert plain.startswith("Python 3")
    assert fast.startswith("numpy 2")


@pytest.mark.parametrize("key", ["onnx", "wheel"])
def test_a_threshold_moved_by_one_step_is_caught(key):
    made = trained("binary")
    assert np.array_equal(margins(bent(made.model), made.matrix), margins(made.model, made.matrix)), (
        "the holdout alone must not notice"
    )
    with pytest.raises(ParityFailed, match=r"disagrees with the model in \d+ of \d+ rows") as caught:
        prove(key, made, model=bent(made.model))
    assert not caught.value.parity.verified
    assert caught.value.parity.max_abs > caught.value.parity.tolerance


def test_a_booster_other_than_the_stored_one_is_caught():
    made, other = trained("binary"), trained("binary", rounds=11)
    with pytest.raises(ParityFailed, match="The XGBoost file disagrees"):
        prove("native", made, data=other.native)


def test_a_decoded_model_that_is_not_the_booster_is_caught():
    made = trained("binary")
    with pytest.raises(ParityFailed, match="decoded trees"):
        check(
            "native",
            made.native,
            model=bent(made.model),
            native=made.native,
            rows=made.holdout,
            filename="a.ubj",
        )


@pytest.mark.parametrize("key", list(EXPORTERS))
def test_a_damaged_file_is_caught(key):
    with pytest.raises(ParityFailed, match="could not be run"):
        prove(key, trained("binary"), data=b"not a model")


def test_a_wrong_label_is_caught_even_when_probabilities_agree():
    made = trained("binary", threshold=0.3)
    strict = replace(made.model, schema=replace(made.schema, threshold=0.5))
    with pytest.raises(ParityFailed, match=r"another answer in \d+ of") as caught:
        prove("onnx", made, model=strict)
    assert caught.value.parity.max_abs < 1e-6
    assert caught.value.parity.label_agreement < 1


def test_an_artifact_that_takes_too_long_is_stopped(tmp_path):
    made = trained("binary")
    job = Job("a.ubj", made.native, made.matrix, {"kinds": [], "classes": []})
    with pytest.raises(Died, match="longer than 0 seconds"):
        run("native", job, seconds=0)


def test_hostile_names_reach_the_runtimes_as_data():
    made = trained("binary", names=HOSTILE, plans=HOSTILE)
    for key in EXPORTERS:
        assert prove(key, made, name=HOSTILE[1]).verified


def test_onnxmltools_gives_a_second_opinion_where_it_is_right():
    opinion = prove("onnx", trained("binary")).second_opinion
    assert opinion.agrees
    assert opinion.tool.startswith("onnxmltools 1.")


def test_onnxmltools_is_not_asked_where_it_is_known_to_be_wrong():
    assert prove("onnx", trained("binary", onehot=4)).second_opinion is None
    assert prove("onnx", trained("multiclass", classes=2)).second_opinion is None


def test_the_evidence_survives_json():
    parity = prove("onnx", trained("binary"))
    assert Parity.from_json(json.loads(json.dumps(parity.to_json()))) == parity


def test_a_model_without_holdout_rows_is_still_probed():
    made = trained("regression")
    exported = export("wheel", made.context())
    parity = check("wheel", exported.data, model=made.model, native=made.native, rows={}, filename=exported.filename)
    assert (parity.verified, parity.rows) == (True, 0)


def test_a_model_with_very_many_trees_is_probed_with_fewer_rows(monkeypatch):
    monkeypatch.setattr("registry.exporters.parity.VISITS", 12 * 210)
    parity = prove("native", trained("binary"))
    assert (parity.verified, parity.rows) == (True, 210)
    assert 100 < parity.adversarial_rows <= 210


def test_adversarial_rows_stand_on_both_sides_of_every_kept_threshold():
    made = trained("binary")
    table = adversarial_table(made.schema, made.model.trees, made.holdout)
    column = encode(made.schema, table)[:, 0]
    trees = made.model.trees
    thresholds = np.unique(trees.value[(trees.feature == 0) & (trees.member < 0)])
    assert len(thresholds) <= 60
    assert np.isin(thresholds, column).all()
    assert np.isin(np.nextafter(thresholds, np.float32(-np.inf)), column).all()
    assert set(made.schema.columns[2].categories) <= set(table["région"])
    assert {values[-1] for values in table.values()} == {None}


def test_adversarial_rows_visit_every_leaf_of_a_small_model():
    made = trained("multiclass", onehot=4)
    trees = made.model.trees
    matrix = encode(made.schema, adversarial_table(made.schema, trees, made.holdout))
    fresh = replace(trees, value=np.where(trees.leaf, np.arange(len(trees.leaf)), trees.value).astype(np.float32))
    seen = set()
    for tree, (first, last) in enumerate(pairwise(trees.offsets.tolist())):
        alone = replace(
            fresh,
            offsets=trees.offsets[tree : tree + 2],
            group=np.zeros(1, np.int32),
            depth=trees.depth[tree : tree + 1],
        )
        found = set(sum_leaves(alone, np.zeros(1, np.float32), matrix)[:, 0].astype(int).tolist())
        assert found <= set(range(first, last))
        seen |= found
    assert seen == set(np.flatnonzero(trees.leaf).tolist())
