"""Asking, answering, the gate and its override, evidence, and taking a version out of production."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.models import AuditEvent
from registry import approvals, promotion, versions
from registry.models import Approval, ModelVersion, Promotion, RegisteredModel
from tests.cast import Cast, api, as_
from training.engine.report import RunReport
from training.models import Outcome

WHY = "Better on the newest customers."
PAGE = "/p/acme/models/churn/v/1"
RULE = "/p/acme/promotion-rule"


def promote(version: ModelVersion, by, **said: str) -> Promotion:
    seen = RegisteredModel.objects.get(pk=version.model_id).revision
    return promotion.promote(
        version=version, by=by, said=replace(promotion.Said(WHY), **said), seen_revision=seen, at=now()
    )


def kept_test(cast: Cast, version: ModelVersion) -> str:
    row = {"inputs": {"months": 3, "plan": "basic", "spend": 40}}
    return api(cast.vic).post(f"/api/v1/model-versions/{version.pk}/predictions", row).json()["test_run_id"]


def test_ben_asks_mia_approves_and_the_version_goes_into_production(cast: Cast, first: ModelVersion) -> None:
    assert as_(cast.ada).post(RULE, {"needs_approval": "on"}).status_code == 302
    with pytest.raises(promotion.Refused, match="approval of a second person"):
        promote(first, cast.mia)
    assert as_(cast.ben).post(f"{PAGE}/proposal", {"reason": WHY}).status_code == 302
    assert as_(cast.ben).post(f"{PAGE}/proposal", {"reason": WHY}).status_code == 409
    assert as_(cast.ben).post(f"{PAGE}/decision", {"reason": WHY, "answer": "approve"}).status_code == 403
    assert "Approve" in as_(cast.mia).get(PAGE).content.decode()
    assert as_(cast.mia).post(f"{PAGE}/decision", {"reason": "Checked it.", "answer": "approve"}).status_code == 302
    row = promote(first, cast.mia)
    said = {check["name"]: check for check in row.checks["results"]}
    assert "mia@example.org" in said["approved"]["detail"]
    assert AuditEvent.objects.filter(action__startswith="approval:").count() == 2


def test_nobody_answers_what_they_asked_themselves(cast: Cast, first: ModelVersion) -> None:
    approvals.request(version=first, by=cast.mia, reason=WHY, at=now())
    answer = api(cast.mia).post(f"/api/v1/model-versions/{first.pk}/approvals", {"decision": "approved", "reason": WHY})
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_by_same_person")
    approvals.decide(version=first, approved=False, by=cast.ada, reason="Too few rows.", at=now())
    steps = api(cast.vic).get(f"/api/v1/model-versions/{first.pk}/approvals").json()
    assert [step["decision"] for step in steps] == ["rejected", "requested"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.update(decision="approved")


def test_a_project_may_ask_for_evidence_and_the_promotion_names_it(cast: Cast, first: ModelVersion) -> None:
    assert as_(cast.ada).post(RULE, {"needs_evidence": "on"}).status_code == 302
    with pytest.raises(promotion.Refused, match="Cite one"):
        promote(first, cast.mia)
    run = kept_test(cast, first)
    page = as_(cast.mia).get(f"{PAGE}/promotion?evidence={run}").content.decode()
    assert f'<option value="{run}" selected>' in page
    sent = {"reason": WHY, "revision": 0, "evidence": run}
    assert as_(cast.mia).post(f"{PAGE}/promotion", sent).status_code == 302
    assert Promotion.objects.get().evidence_id == run
    shown = api(cast.vic).get(f"/api/v1/models/{first.model_id}/promotions").json()["data"][0]
    assert shown["evidence_test_run_id"] == run


def test_a_test_of_another_version_is_no_evidence(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    body = {"version_id": second.pk, "reason": WHY, "evidence_test_run_id": kept_test(cast, first)}
    answer = api(cast.mia).post(f"/api/v1/models/{first.model_id}/promotions", body, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_missing")


def worsen(version: ModelVersion) -> None:
    """Give the version a test result that is clearly below any other."""
    outcome = Outcome.objects.get(run=version.run)
    report = RunReport.from_json(outcome.report)
    poor = replace(report.headline, value=0.4, low=0.38, high=0.42)
    Outcome.objects.filter(pk=outcome.pk).update(
        report=replace(report, test={**report.test, report.main: poor}).to_json()
    )


def test_a_clearly_worse_version_needs_a_word_on_why(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    promote(first, cast.mia)
    worsen(second)
    mia, page = as_(cast.mia), "/p/acme/models/churn/v/2/promotion"
    assert "Clearly worse than version 1" in mia.get(page).content.decode()
    refused = mia.post(page, {"reason": WHY, "revision": 1})
    assert refused.status_code == 422
    assert "Say why it should go into production all the same" in refused.content.decode()
    assert versions.production(first.model) == first
    word = "The old one reads a column that is gone."
    assert mia.post(page, {"reason": WHY, "revision": 1, "override": word}).status_code == 302
    row = Promotion.objects.latest("seq")
    assert (row.to_version, row.override) == (second, word)
    assert word in mia.get("/p/acme/models/churn").content.decode()
    assert AuditEvent.objects.filter(action="version:promote").latest("seq").detail["override"] == word


def test_an_open_gate_keeps_no_override(cast: Cast, first: ModelVersion) -> None:
    row = promote(first, cast.mia, override="There is nothing to pass over.")
    assert row.override == ""


def test_mia_takes_a_version_out_and_the_ledger_says_so(cast: Cast, first: ModelVersion) -> None:
    address = "/p/acme/models/churn/demotion"
    assert as_(cast.mia).get(address).status_code == 409
    promote(first, cast.mia)
    wrong = as_(cast.mia).post(address, {"reason": WHY, "revision": 1, "name": "chrun"})
    assert wrong.status_code == 422
    assert as_(cast.mia).post(address, {"reason": WHY, "revision": 1, "name": "churn"}).status_code == 302
    assert versions.production(first.model) is None
    row = Promotion.objects.latest("seq")
    assert (row.action, row.from_version, row.to_version) == ("demote", first, None)
    assert "Version 1 taken out" in as_(cast.vic).get("/p/acme/models/churn").content.decode()
    answer = api(cast.mia).post(
        f"/api/v1/models/{first.model_id}/demotions", {"reason": WHY}, headers={"If-Match": '"2"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_in_production")
    assert promote(first, cast.mia).from_version is None


def test_the_admin_shows_who_waits_and_takes_out_with_a_retyped_name(cast: Cast, first: ModelVersion) -> None:
    cast.ada.is_staff = cast.ada.is_superuser = True
    cast.ada.save()
    ada = as_(cast.ada)
    approvals.request(version=first, by=cast.ben, reason=WHY, at=now())
    models = ada.get("/admin/registry/registeredmodel/").content.decode()
    assert f"/admin/registry/registeredmodel/promote/{first.pk}/" in models
    assert WHY in ada.get("/admin/registry/approval/").content.decode()
    promote(first, cast.mia)
    address = f"/admin/registry/registeredmodel/demote/{first.model_id}/"
    assert ada.post(address, {"reason": WHY, "revision": 1, "name": "no"}).status_code == 422
    assert ada.post(address, {"reason": WHY, "revision": 1, "name": "churn"}).status_code == 302
    assert versions.production(first.model) is None
    assert as_(cast.sue).get(address).status_code == 403
