"""Ada, Mia and the others move production, by page, API and admin."""

import threading
from itertools import pairwise

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEvent
from fynix import blobs
from registry import promotion, versions
from registry.models import ModelVersion, Promotion, RegisteredModel
from tests.cast import Cast, api, as_

WHY = "Better on the newest customers."


def put(version: ModelVersion, by, revision: int | None = None) -> Promotion:
    current = RegisteredModel.objects.get(pk=version.model_id).revision
    seen = current if revision is None else revision
    return promotion.promote(version=version, by=by, said=promotion.Said(WHY), seen_revision=seen, at=now())


def page(name: str, version: ModelVersion) -> str:
    arguments = [version.model.project.slug, version.model.name]
    return reverse(name, args=arguments + ([version.number] if name != "model-rollback" else []))


def test_mia_promotes_on_the_page_and_the_ledger_says_why(cast: Cast, first: ModelVersion) -> None:
    mia = as_(cast.mia)
    assert "Version 1" in mia.get(page("model-promote", first)).content.decode()
    answer = mia.post(page("model-promote", first), {"reason": WHY, "revision": 0})
    assert answer.status_code == 302
    assert versions.production(first.model) == first
    row = Promotion.objects.get()
    assert (row.by, row.reason, row.from_version, row.to_version) == (cast.mia, WHY, None, first)
    assert AuditEvent.objects.filter(action="version:promote", actor=cast.mia).exists()
    shown = mia.get(reverse("model", args=["acme", "churn"])).content.decode()
    assert WHY in shown
    assert "In production: version 1" in shown


def test_a_short_reason_is_refused_in_plain_words(cast: Cast, first: ModelVersion) -> None:
    answer = as_(cast.mia).post(page("model-promote", first), {"reason": "ok", "revision": 0})
    assert answer.status_code == 422
    assert "at least 10 characters" in answer.content.decode()
    assert not Promotion.objects.exists()


@pytest.mark.parametrize(("person", "status"), [("vic", 403), ("ben", 403), ("mallory", 404), (None, 302)])
def test_only_maintainers_see_the_confirm_page(
    cast: Cast, first: ModelVersion, person: str | None, status: int
) -> None:
    client = as_(getattr(cast, person) if person else None)
    assert client.get(page("model-promote", first)).status_code == status
    assert client.post(page("model-promote", first), {"reason": WHY, "revision": 0}).status_code == status
    assert not Promotion.objects.exists()


def test_mia_rolls_back_to_exactly_what_was_there(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    put(first, cast.mia)
    put(second, cast.mia)
    mia = as_(cast.mia)
    wrong = mia.post(page("model-rollback", first), {"reason": WHY, "revision": 2, "name": "chrun"})
    assert wrong.status_code == 422
    assert "Type churn exactly" in wrong.content.decode()
    assert mia.post(page("model-rollback", first), {"reason": WHY, "revision": 2, "name": "churn"}).status_code == 302
    assert versions.production(first.model) == first
    # Rolling back again undoes the rollback: the newest move into version 1 replaced version 2.
    promotion.rollback(model=first.model, by=cast.mia, reason=WHY, seen_revision=3, at=now())
    assert versions.production(first.model) == second
    assert [row.action for row in Promotion.objects.order_by("seq")] == [
        "promote",
        "promote",
        "rollback",
        "rollback",
    ]


def test_there_is_nothing_to_roll_back_after_one_promotion(cast: Cast, first: ModelVersion) -> None:
    put(first, cast.mia)
    answer = as_(cast.mia).get(page("model-rollback", first))
    assert answer.status_code == 409
    assert "no earlier production version" in answer.content.decode()


def test_a_stale_page_does_not_overwrite_a_move_that_was_not_seen(
    cast: Cast, first: ModelVersion, second: ModelVersion
) -> None:
    put(first, cast.mia)
    answer = as_(cast.ada).post(page("model-promote", second), {"reason": WHY, "revision": 0})
    assert answer.status_code == 422
    assert "Production has moved since you looked" in answer.content.decode()
    assert versions.production(first.model) == first


def test_programs_promote_with_if_match(cast: Cast, first: ModelVersion) -> None:
    mia, address = api(cast.mia), f"/api/v1/models/{first.model_id}/promotions"
    body = {"version_id": first.pk, "reason": WHY}
    assert mia.post(address, body).status_code == 428
    assert mia.post(address, body, headers={"If-Match": '"7"'}).status_code == 412
    tag = mia.get(f"/api/v1/models/{first.model_id}").headers["ETag"]
    answer = mia.post(address, body, headers={"If-Match": tag})
    assert answer.status_code == 201
    assert answer.json()["to_version"] == 1
    assert mia.get(address).json()["data"][0]["reason"] == WHY
    again = mia.post(address, body, headers={"If-Match": '"1"'})
    assert (again.status_code, again.json()["code"]) == (409, "promotion_refused")
    back = mia.post(f"/api/v1/models/{first.model_id}/rollbacks", {"reason": WHY}, headers={"If-Match": '"1"'})
    assert (back.status_code, back.json()["code"]) == (409, "nothing_to_roll_back")
    assert api(cast.ben).post(address, body, headers={"If-Match": '"1"'}).status_code == 403
    assert api(cast.mallory).get(address).status_code == 404


def test_a_changed_file_never_goes_into_production(cast: Cast, first: ModelVersion) -> None:
    with blobs.local(first.sha256) as path:
        original = path.read_bytes()
        path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    try:
        with pytest.raises(promotion.Refused, match="has changed since it was written"):
            put(first, cast.mia)
    finally:
        path.write_bytes(original)


def test_the_admin_promotes_with_a_reason_and_shows_the_ledger(cast: Cast, first: ModelVersion) -> None:
    cast.ada.is_staff = cast.ada.is_superuser = True
    cast.ada.save()
    ada = as_(cast.ada)
    address = reverse("admin:registry_promote", args=[first.pk])
    assert "Checks" in ada.get(address).content.decode()
    assert ada.post(address, {"reason": "", "revision": 0}).status_code == 422
    assert ada.post(address, {"reason": WHY, "revision": 0}).status_code == 302
    assert versions.production(first.model) == first
    assert WHY in ada.get(reverse("admin:registry_promotion_changelist")).content.decode()
    row = Promotion.objects.get()
    assert ada.get(reverse("admin:registry_promotion_delete", args=[row.pk])).status_code == 403
    assert as_(cast.sue).get(address).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda row: Promotion.objects.filter(pk=row.pk).update(reason="Rewritten afterwards."),
        lambda row: Promotion.objects.filter(pk=row.pk)._raw_delete("default"),
        lambda row: ModelVersion.objects.filter(pk=row.to_version_id).update(sha256="0" * 64),
        lambda row: ModelVersion.objects.filter(pk=row.to_version_id).update(number=9),
        lambda row: ModelVersion.objects.filter(pk=row.to_version_id).update(state="failed"),
    ],
)
def test_the_database_refuses_to_rewrite_history(cast: Cast, first: ModelVersion, change) -> None:
    row = put(first, cast.mia)
    with pytest.raises(IntegrityError), transaction.atomic():
        change(row)


def test_the_database_refuses_two_versions_in_production(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    put(first, cast.mia)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=second.pk).update(is_production=True)


PATIENCE = 5  # tries of each person, as in the measurement that the design rests on


@pytest.mark.django_db(transaction=True)
def test_twenty_four_people_promote_at_once_and_every_move_is_made(
    cast: Cast, first: ModelVersion, second: ModelVersion
) -> None:
    in_production: list[int] = []

    def someone(version: ModelVersion) -> None:
        try:
            for _ in range(PATIENCE):
                try:
                    put(version, cast.mia)
                    return
                except (promotion.Stale, promotion.Refused):
                    in_production.append(ModelVersion.objects.filter(model=first.model, is_production=True).count())
        finally:
            connection.close()

    people = [threading.Thread(target=someone, args=([first, second][n % 2],)) for n in range(24)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    ledger = list(Promotion.objects.order_by("seq"))
    assert set(in_production) <= {1}
    assert ModelVersion.objects.filter(model=first.model, is_production=True).count() == 1
    assert len(ledger) >= 2
    assert [row.seq for row in ledger] == list(range(1, len(ledger) + 1))
    assert ledger[0].from_version_id is None
    assert all(row.from_version_id == before.to_version_id for before, row in pairwise(ledger))
    assert versions.production(first.model).pk == ledger[-1].to_version_id
    assert RegisteredModel.objects.get(pk=first.model_id).revision == len(ledger)


def test_a_reason_is_a_sentence_and_no_book(cast: Cast, first: ModelVersion) -> None:
    wish = {"version_id": first.pk, "reason": "because " * 300}
    answer = api(cast.mia).post(f"/api/v1/models/{first.model.pk}/promotions", wish, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reason")
    assert not Promotion.objects.exists()
