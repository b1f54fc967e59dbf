"""One row through a version: the answer, what moved it, and the evidence."""

import signal

import pytest
from django.db import IntegrityError, transaction

from fynix import blobs
from registry.models import ModelVersion
from sandbox import process
from sandbox.models import TestRun
from tests.cast import Cast, api, as_

PAGE = "/p/acme/models/churn/v/1/test"
ROW = {"months": 3, "plan": "basic", "spend": 40.5}


def ask(cast: Cast, version: ModelVersion, **row: object):
    return api(cast.vic).post(f"/api/v1/model-versions/{version.pk}/predictions", {"inputs": row})


def test_vic_asks_by_the_api_and_the_contributions_sum_to_the_margin(cast: Cast, first: ModelVersion) -> None:
    answer = ask(cast, first, **ROW)
    assert answer.status_code == 200
    said = answer.json()
    assert said["prediction"] in {"yes", "no"}
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    total = said["base_value"] + sum(each["amount"] for each in said["contributions"])
    assert total == pytest.approx(said["margin"], abs=1e-5)
    kept = api(cast.vic).get(f"/api/v1/test-runs/{said['test_run_id']}")
    assert kept.json() == said


def test_unseen_and_missing_values_are_named_and_count_as_missing(cast: Cast, first: ModelVersion) -> None:
    strange = ask(cast, first, months="", plan="gold", spend=None).json()
    empty = ask(cast, first).json()
    assert strange["unseen"] == {"plan": ["gold"]}
    assert strange["probabilities"] == empty["probabilities"]
    notes = {each["column"]: each["note"] for each in strange["contributions"]}
    assert notes["plan"] == "not seen in training, counts as missing"
    assert notes["months"] == "missing"


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        ({"months": "many"}, "/months"),
        ({"monts": 3}, "/monts"),
        ({"months": [1]}, "/months"),
        ({"months": 1e39}, "/months"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_not_a_crash(
    cast: Cast, first: ModelVersion, row: dict[str, object], pointer: str
) -> None:
    answer = ask(cast, first, **row)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not TestRun.objects.exists()


def test_vic_fills_the_form_and_reads_the_waterfall(cast: Cast, first: ModelVersion) -> None:
    vic = as_(cast.vic)
    page = vic.get(PAGE).content.decode()
    assert "Typical row" in page
    answer = vic.post(PAGE, {"c0": "3", "c1": "basic", "c2": "12.5"})
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "What moved it" in shown
    assert "The model answers" in shown
    assert vic.get(PAGE + "?random=1").status_code == 200
    bad = vic.post(PAGE, {"c0": "many", "c1": "basic", "c2": "1"})
    assert bad.status_code == 422
    assert "takes a number" in bad.content.decode()


def test_strangers_find_nothing_and_visitors_sign_in(cast: Cast, first: ModelVersion) -> None:
    assert as_(cast.mallory).get(PAGE).status_code == 404
    assert as_(None).get(PAGE).status_code == 302
    assert api(cast.mallory).post(f"/api/v1/model-versions/{first.pk}/predictions", {"inputs": ROW}).status_code == 404
    assert api(None).post(f"/api/v1/model-versions/{first.pk}/predictions", {"inputs": ROW}).status_code == 401


def test_evidence_cannot_be_changed(cast: Cast, first: ModelVersion) -> None:
    ask(cast, first, **ROW)
    with pytest.raises(IntegrityError), transaction.atomic():
        TestRun.objects.update(sha256="0" * 64)
    with pytest.raises(IntegrityError), transaction.atomic():
        TestRun.objects.all()._raw_delete("default")


def test_a_model_file_that_has_changed_is_not_loaded(cast: Cast, first: ModelVersion) -> None:
    with blobs.local(first.sha256) as path:
        original = path.read_bytes()
        path.write_bytes(original[:-1])
    try:
        answer = ask(cast, first, **ROW)
        assert (answer.status_code, answer.json()["code"]) == (409, "artifact_corrupt")
    finally:
        path.write_bytes(original)


def test_a_stuck_child_is_replaced(cast: Cast, first: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(cast, first, **ROW).status_code == 200
    monkeypatch.setattr(process, "TIMEOUT_S", 0.2)
    stuck = process._child
    stuck.send_signal(signal.SIGSTOP)
    answer = ask(cast, first, **ROW)
    assert (answer.status_code, answer.json()["code"]) == (504, "sandbox_timeout")
    assert stuck.wait(5) == -signal.SIGKILL
    monkeypatch.undo()
    assert ask(cast, first, **ROW).status_code == 200
