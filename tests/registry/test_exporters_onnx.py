"""The ONNX file takes raw columns by name and answers like the booster."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from registry.exporters import export
from tests.registry.boosters import HOSTILE, trained
from training.engine.schema import ModelSchema, is_missing

TASKS = ("binary", "multiclass", "regression")


def session(made, **changes):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(export("onnx", made.context(**changes)).data, options)


def feed(made):
    rows = {}
    for index, column in enumerate(made.schema.columns):
        values = made.holdout[column.name]
        if column.kind == "category":
            texts = ["" if is_missing(value) else str(value).strip() for value in values]
            rows[column.name] = np.array(texts, dtype=object).reshape(-1, 1)
        else:
            rows[column.name] = made.matrix[:, [index]]
    return rows


@pytest.mark.parametrize("onehot", [4, 1000])
@pytest.mark.parametrize("task", TASKS)
def test_raw_rows_get_the_boosters_answers(task, onehot):
    made = trained(task, onehot=onehot)
    answer = session(made).run(None, feed(made))[-1]
    expected = made.booster_probabilities().reshape(answer.shape)
    np.testing.assert_allclose(answer, expected, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("onehot", [4, 1000])
def test_answers_around_250_000_equal_the_boosters_to_the_last_bit(onehot):
    made = trained("regression", onehot=onehot)
    answer = session(made).run(None, feed(made))[-1]
    np.testing.assert_array_equal(answer.ravel(), made.booster_says())


def test_the_label_honours_the_tuned_threshold():
    made = trained("binary", threshold=0.2)
    label, shares = session(made).run(None, feed(made))
    assert label.tolist() == ["Yes" if share >= np.float32(0.2) else "No" for share in shares[:, 1]]
    assert any(share < 0.5 and name == "Yes" for share, name in zip(shares[:, 1], label, strict=True))


def test_the_label_of_several_classes_is_the_likeliest():
    made = trained("multiclass")
    label, shares = session(made).run(None, feed(made))
    assert label.tolist() == [made.schema.classes[best] for best in shares.argmax(axis=1)]


def test_one_code_per_split_is_written_for_old_runtimes_and_sets_for_new_ones():
    old = onnx.load_from_string(export("onnx", trained("binary").context()).data)
    new = onnx.load_from_string(export("onnx", trained("binary", onehot=4).context()).data)
    assert "TreeEnsembleRegressor" in [node.op_type for node in old.graph.node]
    assert (old.opset_import[0].version, old.ir_version) == (13, 8)
    assert "TreeEnsemble" in [node.op_type for node in new.graph.node]
    props = [{p.key: p.value for p in proto.metadata_props} for proto in (old, new)]
    assert [p["fynix.min_onnxruntime"] for p in props] == ["1.16", "1.23"]


def test_inputs_keep_the_names_of_the_columns():
    made = trained("binary")
    assert [item.name for item in session(made).get_inputs()] == list(made.schema.names)


def test_a_column_may_be_called_like_an_output():
    made = trained("binary", names=("label", "probabilities", "fynix.0", "label_", "prediction"))
    runtime = session(made)
    assert [item.name for item in runtime.get_outputs()] == ["label__", "probabilities_"]
    np.testing.assert_allclose(runtime.run(None, feed(made))[1][:, 1], made.booster_says(), atol=1e-6)


def test_hostile_names_and_levels_stay_data():
    made = trained("binary", names=HOSTILE, plans=HOSTILE)
    runtime = session(made, name=HOSTILE[1], card=HOSTILE[0])
    np.testing.assert_allclose(runtime.run(None, feed(made))[1][:, 1], made.booster_says(), atol=1e-6)
    assert runtime.get_modelmeta().custom_metadata_map["fynix.model"] == HOSTILE[1]


def test_the_file_carries_its_schema_and_card():
    made = trained("binary")
    facts = session(made).get_modelmeta().custom_metadata_map
    assert ModelSchema.from_json(json.loads(facts["fynix.schema"])) == made.schema
    assert (facts["fynix.model_card"], facts["fynix.version"], facts["fynix.project"]) == (
        "# Churn\n",
        "3",
        "Demo",
    )


def test_two_builds_are_the_same_bytes():
    made = trained("multiclass", onehot=4)
    assert export("onnx", made.context()) == export("onnx", made.context())
