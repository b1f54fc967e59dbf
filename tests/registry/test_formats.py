"""All formats of a version in one zip, and the one format that runs code, which only an owner can allow."""

import hashlib
import io
import json
import subprocess
import zipfile

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils.timezone import now

from accounts.models import AuditEvent
from fynix import blobs
from registry import formats
from registry.models import Artifact, FormatConsent, ModelVersion
from tests.cast import Cast, api, as_
from tests.registry.conftest import Finish, start

SWITCH = "/api/v1/projects/acme/formats/joblib"


@pytest.fixture
def pickled(cast: Cast, churn, config, finish: Finish) -> Artifact:
    """The joblib file of a version made after Ada allowed it."""
    formats.allow(project=cast.acme, key="joblib", by=cast.ada, at=now())
    return finish(start(churn, config, cast.ben)).artifacts.get(format="joblib")


def test_the_zip_holds_every_file_with_its_proof_and_sums_that_fit(first: ModelVersion, tmp_path) -> None:
    bundle = first.artifacts.get(format="bundle")
    with zipfile.ZipFile(io.BytesIO(blobs.read(bundle.sha256))) as archive:
        archive.extractall(tmp_path)
    files = first.artifacts.exclude(format="bundle")
    for file in files:
        assert hashlib.sha256((tmp_path / file.filename).read_bytes()).hexdigest() == file.sha256
        assert (tmp_path / f"usage/{file.format}.txt").read_text() == file.usage
    proofs = json.loads((tmp_path / "parity.json").read_text())
    assert proofs == {file.format: file.parity for file in files}
    assert json.loads((tmp_path / "schema.json").read_text()) == first.schema
    assert (tmp_path / "MODEL_CARD.md").read_text() == first.card
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(files) * 2 + 5
    assert bundle.parity["max_abs"] == max(proof["max_abs"] for proof in proofs.values())


def test_joblib_is_off_until_the_owner_says_yes(cast: Cast, first: ModelVersion) -> None:
    assert not first.artifacts.filter(format="joblib").exists()
    assert "joblib" not in first.card
    page = as_(cast.ada).get("/p/acme/formats").content.decode()
    assert "run code when somebody opens them" in page
    assert "Make joblib files from now on" in page
    assert "Only the project’s owner can switch it" in as_(cast.mia).get("/p/acme/formats").content.decode()
    assert api(cast.mia).put(SWITCH, {"allowed": True}).status_code == 403
    assert api(cast.mallory).put(SWITCH, {"allowed": True}).status_code == 404
    assert api(cast.ada).put(SWITCH, {}).status_code == 422
    assert api(cast.ada).put("/api/v1/projects/acme/formats/onnx", {"allowed": False}).status_code == 404
    assert not FormatConsent.objects.exists()


def test_maintainers_get_the_pickled_pipeline_and_everybody_reads_its_warning(cast: Cast, pickled: Artifact) -> None:
    assert pickled.parity["verified"]
    assert pickled.parity["max_abs"] == 0
    assert pickled.sha256 in pickled.usage
    page = f"/p/acme/models/churn/v/{pickled.version.number}"
    for person in (cast.vic, cast.mia):
        text = as_(person).get(page).content.decode()
        assert "Opening this file runs code" in text
        assert pickled.sha256 in text
    assert as_(cast.vic).post(f"/artifacts/{pickled.pk}/download").status_code == 403
    assert api(cast.ben).post(f"/api/v1/artifacts/{pickled.pk}/download-url", {}).status_code == 403
    assert api(cast.mia).post(f"/api/v1/artifacts/{pickled.pk}/download-url", {}).status_code == 201
    names = zipfile.ZipFile(io.BytesIO(blobs.read(pickled.version.artifacts.get(format="bundle").sha256))).namelist()
    assert pickled.filename not in names


def test_when_the_owner_says_no_again_links_die_and_files_stay_shut(cast: Cast, pickled: Artifact) -> None:
    made = api(cast.mia).post(f"/api/v1/artifacts/{pickled.pk}/download-url", {}).json()
    answer = api(cast.ada).put(SWITCH, {"allowed": False})
    assert {row["format"]: row["is_made"] for row in answer.json()}["joblib"] is False
    assert Client().get(made["url"].removeprefix("http://testserver")).status_code == 410
    refused = api(cast.mia).post(f"/api/v1/artifacts/{pickled.pk}/download-url", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "format_not_offered")
    assert as_(cast.mia).post(f"/artifacts/{pickled.pk}/download").status_code == 409
    assert [event.action for event in AuditEvent.objects.filter(action__startswith="format:").order_by("seq")] == [
        "format:allow",
        "format:withdraw",
    ]


def test_yes_twice_is_one_consent_and_history_keeps_both_answers(cast: Cast) -> None:
    for allowed in (True, True, False, False, True):
        assert as_(cast.ada).post("/p/acme/formats/joblib", {"allowed": "yes" if allowed else "no"}).status_code == 302
    assert FormatConsent.objects.count() == 2
    assert AuditEvent.objects.filter(action__startswith="format:").count() == 3
    row = FormatConsent.objects.get(withdrawn_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        FormatConsent.objects.create(project=cast.acme, format="joblib", given_by=cast.ada, given_at=row.given_at)
