"""A finished run becomes a version with files that agree with the model."""

import json
import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import onnxruntime
import polars as pl
import pytest

from accounts.models import Allowance, StorageCharge
from fynix import blobs
from fynix.queue import jobs, work
from fynix.queue.models import State
from registry import packaging
from registry.exporters.model import FynixModel
from registry.models import Artifact, Build, ModelVersion
from tests.cast import Cast, api, as_
from tests.registry.conftest import claimed, do, start
from training import engine, execution
from training.engine.predict import Model
from training.engine.schema import ModelSchema, encode
from training.models import RunEvent


def holdout(version: ModelVersion) -> pl.DataFrame:
    return pl.read_parquet(BytesIO(blobs.read(version.run.outcome.holdout_sha256)))


def test_every_format_is_published_with_its_proof(first: ModelVersion) -> None:
    assert first.state == Build.READY
    files = {artifact.format: artifact for artifact in first.artifacts.all()}
    assert set(files) == {"native", "onnx", "wheel", "tflite", "torchscript", "bundle"}
    for artifact in files.values():
        assert artifact.parity["verified"]
        assert artifact.parity["adversarial_rows"] > 0
        assert blobs.read(artifact.sha256)
    kinds = [event.payload["artifact"]["kind"] for event in RunEvent.objects.filter(run=first.run, type="artifact")]
    assert kinds.count("download") == 6
    assert "churn" in first.card


def test_onnx_and_wheel_answer_like_the_booster_on_the_whole_holdout(first: ModelVersion, tmp_path) -> None:
    schema, rows = ModelSchema.from_json(first.schema), holdout(first)
    table = {name: rows[name].to_list() for name in schema.names}
    table["plan"] = ["never seen", None, *table["plan"][2:]]
    table["months"] = [None, *table["months"][1:]]
    expected = Model(blobs.read(first.sha256), schema).predict(encode(schema, table))
    onnx = onnxruntime.InferenceSession(blobs.read(first.artifacts.get(format="onnx").sha256))
    feed = {
        column.name: np.array([["" if v is None else v] for v in table[column.name]], dtype=object)
        if column.kind == "category"
        else np.array([[np.nan if v is None else v] for v in table[column.name]], dtype=np.float32)
        for column in schema.columns
    }
    got = dict(zip([o.name for o in onnx.get_outputs()], onnx.run(None, feed), strict=True))
    assert np.abs(got["probabilities"] - expected).max() <= 1e-6
    wheel = first.artifacts.get(format="wheel")
    (tmp_path / wheel.filename).write_bytes(blobs.read(wheel.sha256))
    (tmp_path / "rows.json").write_text(
        json.dumps([dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)])
    )
    code = (
        "import json, fynix_churn; rows = json.load(open('rows.json'));"
        "print(json.dumps([list(a['probabilities'].values()) for a in fynix_churn.predict(rows)]))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, env={"PYTHONPATH": wheel.filename},
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert np.abs(np.array(json.loads(done.stdout)) - expected).max() <= 1e-6


@pytest.mark.django_db(transaction=True)
def test_a_run_is_trained_and_packaged_once_whatever_is_delivered(cast: Cast, churn, config) -> None:
    run = start(churn, config, cast.ben)
    do(run.job)
    version = ModelVersion.objects.get(run=run)
    do(version.job)
    before = list(Artifact.objects.values_list("pk", "sha256"))
    assert jobs.claim(job_id=version.job_id, owner="again", at=version.created_at) is None
    assert list(Artifact.objects.values_list("pk", "sha256")) == before
    used = Allowance.objects.get(project=cast.acme).used_bytes
    assert used == sum(StorageCharge.objects.filter(project=cast.acme).values_list("size_bytes", flat=True))


def shifted(model: FynixModel) -> FynixModel:
    """The same trees over a base that is off by a little."""
    return replace(model, base=model.base + np.float32(0.25))


def test_a_file_that_disagrees_is_never_published(
    cast: Cast, churn, config, learnt: engine.Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(churn, config, cast.ben)
    execution.conclude(run, work.Work(claimed(run.job)), learnt)
    version = ModelVersion.objects.get(run=run)
    real = packaging.export

    def broken(key, context):
        exported = real(key, context)
        if key != "onnx":
            return exported
        native = real("onnx", replace(context, model=shifted(context.model)))
        return replace(native, filename=exported.filename)

    monkeypatch.setattr(packaging, "export", broken)
    job = do(version.job)
    assert job.state == State.FAILED
    assert job.error_code == "parity_failed"
    version.refresh_from_db()
    assert version.state == Build.FAILED
    assert not version.artifacts.filter(format="onnx").exists()


def test_versions_count_up_within_their_model(first: ModelVersion, second: ModelVersion) -> None:
    assert (first.number, second.number) == (1, 2)
    assert first.model == second.model


def test_vic_reads_the_pages_and_mallory_finds_nothing(cast: Cast, first: ModelVersion) -> None:
    for address in ("/p/acme/models", "/p/acme/models/churn", "/p/acme/models/churn/v/1"):
        assert as_(cast.vic).get(address).status_code == 200
        assert as_(cast.mallory).get(address).status_code == 404
        assert as_(None).get(address).status_code == 302
    files = api(cast.vic).get(f"/api/v1/model-versions/{first.pk}/artifacts").json()
    assert [file["format"] for file in files] == ["native", "onnx", "wheel", "tflite", "torchscript", "bundle"]
    assert api(cast.mallory).get(f"/api/v1/model-versions/{first.pk}/artifacts").status_code == 404


def test_an_empty_registry_says_what_to_do(cast: Cast) -> None:
    assert "No models yet" in as_(cast.vic).get("/p/acme/models").content.decode()
