"""The wheel scores raw rows with nothing else installed, to the last bit like the booster."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from registry.exporters import export
from registry.exporters.wheel import SOURCE
from tests.registry.boosters import HOSTILE, trained
from training.engine import schema as contract

TASKS = ("binary", "multiclass", "regression")


def engine():
    spec = importlib.util.spec_from_file_location("wheel_engine", SOURCE / "_engine.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loaded(made, module=None):
    """The engine over the files that lie in the wheel."""
    with zipfile.ZipFile(io.BytesIO(export("wheel", made.context()).data)) as archive:
        header = json.loads(archive.read("fynix_churn/model.json"))
        return (module or engine()).Model(header, archive.read("fynix_churn/model.bin"))


def rows(made):
    return [dict(zip(made.holdout, cells, strict=True)) for cells in zip(*made.holdout.values(), strict=True)]


def command(tmp_path, made, *arguments, stdin="", flags=("-I", "-S"), **changes):
    """Runs the package out of its .whl, in a Python that has no other package."""
    exported = export("wheel", made.context(**changes))
    path = tmp_path / exported.filename
    path.write_bytes(exported.data)
    module = exported.filename.partition("-")[0]
    run = f"runpy.run_module({module!r}, run_name='__main__')"
    start = f"import sys, runpy; sys.path.insert(0, {str(path)!r}); {run}"
    line = [sys.executable, *flags, "-X", "utf8", "-c", start, *arguments]
    return subprocess.run(line, input=stdin, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("onehot", [4, 1000])
@pytest.mark.parametrize("task", TASKS)
def test_margins_are_bit_equal_with_and_without_numpy(task, onehot):
    made = trained(task, onehot=onehot)
    says = made.booster_says(margins=True).reshape(len(made.matrix), -1)
    fast, plain = engine(), engine()
    plain.numpy = None
    for module in (fast, plain):
        assert np.array_equal(np.array(loaded(made, module).margins(rows(made)), np.float32), says)


@pytest.mark.parametrize("task", TASKS)
def test_answers_follow_the_booster(task):
    made = trained(task)
    got = np.array(loaded(made).outputs(rows(made)))
    expected = made.booster_probabilities().reshape(got.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_one_row_and_many_rows_get_the_same_answers():
    made = trained("binary")
    model = loaded(made)
    assert [model.predict([row])[0] for row in rows(made)[:30]] == model.predict(rows(made)[:30])


def test_the_label_honours_the_tuned_threshold():
    made = trained("binary", threshold=0.2)
    answers = loaded(made).predict(rows(made))
    assert all((a["label"] == "Yes") == (a["probabilities"]["Yes"] >= np.float32(0.2)) for a in answers)
    assert any(a["label"] == "Yes" and a["probabilities"]["Yes"] < 0.5 for a in answers)


def test_missing_words_are_those_of_training():
    assert engine().MISSING_WORDS == contract.MISSING_WORDS


@pytest.mark.parametrize("value", ["abc", "1e60", [1], "9" * 400])
def test_a_cell_that_is_no_number_is_refused_with_its_column(value):
    module = engine()
    with pytest.raises(module.InputError, match="age"):
        loaded(trained("binary"), module).predict([{"age": value}])


def test_one_row_is_scored_from_the_command_line(tmp_path):
    made = trained("binary")
    row = rows(made)[4]
    done = command(tmp_path, made, "--row", json.dumps(row))
    answer = json.loads(done.stdout)
    assert answer["probabilities"]["Yes"] == pytest.approx(made.booster_says()[4], abs=1e-6)


def test_a_csv_file_comes_back_with_answers(tmp_path):
    made = trained("multiclass")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(made.holdout))
    writer.writeheader()
    writer.writerows(rows(made))
    done = command(tmp_path, made, stdin=text.getvalue())
    scored = list(csv.DictReader(io.StringIO(done.stdout)))
    shares = [[float(line[f"p({name})"]) for name in made.schema.classes] for line in scored]
    np.testing.assert_allclose(shares, made.booster_says(), atol=1e-6)
    assert {line["label"] for line in scored} == set(made.schema.classes)


def test_a_file_without_a_column_says_so_and_goes_on(tmp_path):
    done = command(tmp_path, trained("regression"), stdin="age,plan\n41,un an\n")
    assert "counted as missing: [w<eird], région, big id" in done.stderr
    assert done.stdout.splitlines()[0] == "age,plan,prediction"


def test_a_bad_cell_ends_with_a_sentence_and_status_2(tmp_path):
    done = command(tmp_path, trained("binary"), "--row", '{"age": "old"}')
    assert (done.returncode, done.stderr) == (2, "“age” takes a number, and “old” is not one.\n")


@pytest.mark.parametrize("flags", [("-I", "-S"), ("-I",)])
def test_the_self_test_passes_with_and_without_numpy(tmp_path, flags):
    done = command(tmp_path, trained("multiclass", onehot=4), "--selftest", flags=flags)
    assert (done.returncode, done.stdout[:8]) == (0, "20 rows,")


def test_the_package_shows_its_schema_card_and_usage(tmp_path):
    made = trained("binary")
    assert contract.ModelSchema.from_json(json.loads(command(tmp_path, made, "--schema").stdout)) == made.schema
    assert command(tmp_path, made, "--card").stdout == "# Churn\n\n"
    assert "pip install ./fynix_churn-3.0.0-py3-none-any.whl" in command(tmp_path, made, "--usage").stdout


def test_hostile_names_and_levels_stay_data(tmp_path):
    made = trained("binary", names=HOSTILE, plans=HOSTILE)
    changes = {"name": HOSTILE[1], "card": HOSTILE[0], "facts": {"project": HOSTILE[2]}}
    done = command(tmp_path, made, "--row", json.dumps(rows(made)[7]), **changes)
    answer = json.loads(done.stdout)
    assert answer["probabilities"]["Yes"] == pytest.approx(made.booster_says()[7], abs=1e-6)
    with zipfile.ZipFile(io.BytesIO(export("wheel", made.context(**changes)).data)) as archive:
        code = [archive.read(name) for name in archive.namelist() if name.endswith(".py")]
    assert code == [path.read_bytes() for path in sorted(SOURCE.glob("*.py"))]


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("Churn model (EU)", "fynix-churn-model-eu"),
        ("Région nord", "fynix-region-nord"),
        ("class", "fynix-class"),
        ("客户流失", "fynix-model-ab12cd34"),
        ("../../etc/passwd\n", "fynix-etc-passwd"),
        ("x" * 300, "fynix-" + "x" * 60),
    ],
)
def test_names_become_safe_distribution_names(name, distribution):
    context = trained("binary").context(name=name)
    assert context.distribution == distribution
    assert context.module.isidentifier()


def test_the_record_lists_every_file_with_its_hash():
    data = export("wheel", trained("binary").context()).data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = archive.read("fynix_churn-3.0.0.dist-info/RECORD").decode().splitlines()
        listed = {name: (digest, int(size)) for name, digest, size in csv.reader(lines[:-1])}
        for name, (digest, size) in listed.items():
            content = archive.read(name)
            found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={found}", len(content))
        assert {*listed, "fynix_churn-3.0.0.dist-info/RECORD"} == set(archive.namelist())


def test_two_builds_are_the_same_bytes():
    made = trained("multiclass", onehot=4)
    assert export("wheel", made.context()) == export("wheel", made.context())
