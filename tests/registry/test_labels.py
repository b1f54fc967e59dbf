"""Tags, pins, notes and free names on versions, and putting them away."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEvent
from fynix.errors import Invalid
from registry import labels, promotion
from registry.models import Alias, ModelVersion, Note, RegisteredModel
from tests.cast import Cast, api, as_

PAGE = "/p/acme/models/churn/v/1"


def act(person, do: str, text: str = ""):
    return as_(person).post(f"{PAGE}/labels", {"do": do, "text": text})


def test_mia_tags_names_and_pins_a_version_and_vic_reads_it(cast: Cast, first: ModelVersion) -> None:
    for do, text in (("tag", "  Nightly "), ("tag", "nightly"), ("name", "champion"), ("pin", "")):
        assert act(cast.mia, do, text).status_code == 302
    shown = as_(cast.vic).get(PAGE).content.decode()
    assert "nightly" in shown
    assert "champion" in shown
    assert "Pinned" in shown
    assert [tag.text for tag in first.tags.all()] == ["nightly"]
    for do, text in (("untag", "nightly"), ("unname", "champion"), ("unpin", "")):
        assert act(cast.mia, do, text).status_code == 302
    assert "No labels yet" in as_(cast.vic).get(PAGE).content.decode()
    acts = AuditEvent.objects.filter(subject__in=[first.pk, first.model_id]).values_list("action", flat=True)
    assert {"version:pin", "version:unpin", "alias:move", "alias:remove"} <= set(acts)


@pytest.mark.parametrize("name", ["production", "v3", "latest", "Ünique", "9lives", "", "a" * 41])
def test_a_name_that_could_mislead_is_refused(cast: Cast, first: ModelVersion, name: str) -> None:
    with pytest.raises(Invalid):
        labels.name(version=first, alias=name, by=cast.mia, at=now())
    answer = act(cast.mia, "name", name)
    assert answer.status_code == 422
    assert not Alias.objects.exists()


def test_a_name_means_one_version_and_moves(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    mia, address = api(cast.mia), f"/api/v1/models/{first.model_id}/aliases/champion"
    assert mia.put(address, {"version_id": first.pk}).status_code == 200
    assert mia.put(address, {"version_id": second.pk}).status_code == 200
    assert api(cast.vic).get(address).json()["number"] == 2
    assert Alias.objects.count() == 1
    moved = AuditEvent.objects.filter(action="alias:move").latest("seq")
    assert (moved.detail["from"], moved.detail["to"]) == (1, 2)
    assert api(cast.ben).put(address, {"version_id": first.pk}).status_code == 403
    assert mia.delete(address).status_code == 204
    assert mia.get(address).status_code == 404


def test_production_is_a_name_that_programs_read_and_nobody_sets(cast: Cast, first: ModelVersion) -> None:
    mia, address = api(cast.mia), f"/api/v1/models/{first.model_id}/aliases/production"
    assert mia.get(address).status_code == 404
    said = promotion.Said("The first one there is.")
    promotion.promote(version=first, by=cast.mia, said=said, seen_revision=0, at=now())
    assert mia.get(address).json()["number"] == 1
    assert mia.put(address, {"version_id": first.pk}).status_code == 422


def test_notes_stay_as_they_were_written(cast: Cast, first: ModelVersion) -> None:
    assert as_(cast.ben).post(f"{PAGE}/notes", {"note": "Trained before the summer sale."}).status_code == 302
    assert as_(cast.vic).post(f"{PAGE}/notes", {"note": "I only look."}).status_code == 403
    assert as_(cast.ben).post(f"{PAGE}/notes", {"note": "  "}).status_code == 422
    assert "before the summer sale" in as_(cast.vic).get(PAGE).content.decode()
    with pytest.raises(IntegrityError), transaction.atomic():
        Note.objects.update(text="Rewritten.")


def test_a_version_that_is_put_away_cannot_be_promoted_until_it_comes_back(cast: Cast, first: ModelVersion) -> None:
    assert act(cast.mia, "archive").status_code == 302
    said = promotion.Said("Let us try it all the same.")
    with pytest.raises(promotion.Refused, match="archived"):
        promotion.promote(version=first, by=cast.mia, said=said, seen_revision=0, at=now())
    assert act(cast.mia, "restore").status_code == 302
    promotion.promote(version=first, by=cast.mia, said=said, seen_revision=0, at=now())
    kept = act(cast.mia, "archive")
    assert kept.status_code == 409
    assert "in production" in kept.content.decode()


def test_a_name_of_another_models_version_is_refused_by_the_database(cast: Cast, first: ModelVersion) -> None:
    other = RegisteredModel.objects.create(
        project=cast.acme, name="other", task="binary", target="churn", created_by=cast.ben, created_at=now()
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Alias.objects.create(model=other, name="champion", version=first, by=cast.mia, at=now())


def test_what_is_no_label_is_refused(cast: Cast, first: ModelVersion) -> None:
    assert act(cast.mia, "delete").status_code == 422
    assert act(cast.ben, "tag", "x").status_code == 403
    assert act(cast.mallory, "tag", "x").status_code == 404
    assert reverse("model-version-label", args=["acme", "churn", 1]) == f"{PAGE}/labels"
