"""Usage texts run as they stand, and the model card holds facts as data."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shlex
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from registry.exporters import EXPORTERS, export
from registry.exporters.card import CardFacts, Metric, card
from registry.exporters.environment import environment
from registry.exporters.model import predict
from registry.exporters.rows import example_row
from registry.exporters.usage import usage
from tests.registry.boosters import HOSTILE, WHEN, trained


def block(text, heading):
    """The indented lines under a heading."""
    lines = text.split(f"{heading}\n", 1)[1].splitlines()
    end = next(k for k, line in enumerate(lines) if line and not line.startswith(" "))
    return textwrap.dedent("\n".join(lines[:end]))


def run_python(folder, text):
    start = "import sys; sys.path.insert(0, 'fynix_churn-3.0.0-py3-none-any.whl')\n"
    code = (start if "fynix_churn" in text else "") + text
    line = [sys.executable, "-I", "-X", "utf8", "-c", code]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


def published(key, made, folder):
    """The file and its usage text, as they are published; the wheel's folder holds the signature too."""
    exported = export(key, made.context())
    (folder / exported.filename).write_bytes(exported.data)
    (folder / "schema.json").write_text(json.dumps(made.schema.to_json()), "utf-8")
    return usage(key, made.context(), sha256=hashlib.sha256(exported.data).hexdigest(), environment=environment())


HERE = [key for key in EXPORTERS if key != "torchscript" or find_spec("torch")]


@pytest.mark.parametrize("key", HERE)
def test_the_python_lines_work_when_pasted(tmp_path, key):
    made = trained("binary", names=HOSTILE, plans=HOSTILE)
    printed = run_python(tmp_path, block(published(key, made, tmp_path), "In Python"))
    row = {name: [value] for name, value in example_row(made.schema).items()}
    share = float(predict(made.model, row)[0, 1])
    assert f"{share:.4f}" in printed or f"{share:.5f}" in printed


@pytest.mark.parametrize("key", list(EXPORTERS))
def test_the_shell_lines_work_when_pasted(tmp_path, key):
    """Without the first line, which installs what is here already."""
    made = trained("binary")
    (tmp_path / "rows.csv").write_text("age,plan\n35,un an\n", "utf-8")
    lines = block(published(key, made, tmp_path), "In a shell").strip().splitlines()
    assert lines[0].startswith("pip install ")
    paths = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    wheel = {"PYTHONPATH": "fynix_churn-3.0.0-py3-none-any.whl"} if key == "wheel" else {}
    script = "set -e\n" + "\n".join(lines[1:])
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=paths | wheel, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_joblib_lines_refuse_a_file_that_was_changed(tmp_path):
    made = trained("binary")
    text = block(published("joblib", made, tmp_path), "In Python")
    with next(tmp_path.glob("*.joblib")).open("ab") as file:
        file.write(b"!")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_python(tmp_path, text)
    assert "This is not the file that was published" in caught.value.stderr


def test_names_stay_inside_their_quotes_in_every_language():
    made = trained("binary", names=('a" + b', "$dollar", "back\\slash", "new\nline", "é\f"), plans=HOSTILE)
    onnx, tflite = usage("onnx", made.context()), usage("tflite", made.context())
    assert onnx.count(r'"a\" + b"') >= 3
    assert onnx.count(r'"back\\slash"') >= 3
    assert r'"\$dollar" to' in tflite
    assert r'"\u00e9\u000c" to' in tflite
    assert "new\nline" not in onnx + tflite


def test_the_shell_line_carries_the_row_as_one_argument():
    made = trained("binary", names=HOSTILE, plans=HOSTILE)
    lines = block(usage("wheel", made.context()), "In a shell")
    words = shlex.split(lines)
    assert json.loads(words[words.index("--row") + 1]) == example_row(made.schema)


def test_the_usage_says_which_runtime_and_what_missing_means():
    text = usage("onnx", trained("binary", onehot=4).context())
    assert "onnxruntime 1.23 or newer" in text
    assert "A category that training never saw counts as missing" in text
    assert "'Yes' when its probability is at least 0.3" in text


def facts(**changes):
    given = {
        "name": "Churn",
        "version": 3,
        "project": "Demo",
        "created": WHEN,
        "licence": "other",
        "dataset": "telco.csv",
        "dataset_version": 2,
        "dataset_sha256": "ab" * 32,
        "splits": {"train": 4226, "validation": 1408, "test": 1409},
        "metrics": (Metric("roc_auc", "ROC AUC", 0.8431, 0.82, 0.86, 0.5),),
        "own": (),
        "baseline": "always No",
        "seed": 7,
        "excluded": {"customerID": "identifies a row"},
        "limits": ("Trained on 4,226 rows",),
        "formats": ("ONNX", "Python wheel"),
        "trees": 12,
    }
    return CardFacts(**{**given, **changes})


def head(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_the_card_names_data_figures_and_treatment():
    text = card(trained("binary").schema, facts())
    for words in (
        "version 2, sha256 `" + "ab" * 32,
        "test 1,409 rows",
        "| ROC AUC | 0.8431 | 0.82 to 0.86 | 0.5 |",
        "- customerID: identifies a row",
        "A category that training never saw counts as missing.",
        "**Yes** when its probability is at least 0.3",
        "and 182 more",
    ):
        assert words in text


def test_the_head_is_a_model_index():
    entry = head(card(trained("regression").schema, facts()))["model-index"][0]
    assert entry["name"] == "Churn"
    assert entry["results"][0]["task"]["type"] == "tabular-regression"
    assert entry["results"][0]["dataset"]["revision"] == "ab" * 32
    assert entry["results"][0]["metrics"] == [{"type": "roc_auc", "name": "ROC AUC", "value": 0.8431}]


def test_hostile_names_cannot_leave_their_line():
    name = 'x"\n---\nlicense: mit\n# Owned <script>alert(1)</script> | `a` {{7*7}} \u2028'
    schema = trained("binary", names=HOSTILE, plans=HOSTILE).schema
    text = card(schema, facts(name=name, excluded={name: name}, metrics=(), limits=(name,)))
    assert head(text)["license"] == "other"
    assert head(text)["model-index"][0]["name"].startswith('x" --- license: mit # Owned')
    body = text.split("---\n", 2)[2]
    assert "<script>" not in body.replace(r"\<script\>", "")
    assert "\n# Owned" not in body
    assert "two lines" in body


def test_only_readers_of_text_promise_to_read_missing_words():
    texts = {key: usage(key, trained("binary").context()) for key in EXPORTERS}
    readers = [key for key, text in texts.items() if "words count as missing too" in text]
    assert readers == ["wheel", "torchscript"]


def test_the_row_in_the_usage_is_a_python_literal():
    made = trained("binary", names=HOSTILE, plans=HOSTILE)
    tree = ast.parse(block(usage("wheel", made.context()), "In Python"))
    assigned = next(node for node in tree.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(assigned.value) == example_row(made.schema)
