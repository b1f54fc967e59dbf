"""What a project may store: promised, entered in the ledger, refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Sum

from accounts import letters, notifications, projects, quotas
from accounts.models import Allowance, News, Notification, PersonalAllowance, Project, Role, StorageCharge, User
from fynix.safekeeping import invariants
from tests import make
from tests.cast import Cast, api, as_

GB = 10**9


def limit(project: Project, size: int) -> None:
    Allowance.objects.filter(project=project).update(limit_bytes=size)


def own_limit(person: User, size: int) -> None:
    PersonalAllowance.objects.filter(user=person).update(limit_bytes=size)


def held(person: User) -> tuple[int, int]:
    own = PersonalAllowance.objects.get(user=person)
    return own.used_bytes, own.reserved_bytes


def facts(project: Project) -> tuple[int, int]:
    assert [line for line in invariants.quotas_add_up(make.NOW) if line.startswith("user")] == []
    allowance = Allowance.objects.get(project=project)
    total = StorageCharge.objects.filter(project=project).aggregate(total=Sum("size_bytes"))["total"] or 0
    assert allowance.used_bytes == total
    return allowance.used_bytes, allowance.reserved_bytes


def charge(cast: Cast, subject: str, size: int) -> None:
    quotas.charge(project=cast.acme, user=cast.ben, kind="artifact", subject=subject, size_bytes=size, at=make.NOW)


@pytest.mark.django_db
def test_a_promise_becomes_a_ledger_line(cast: Cast) -> None:
    quotas.reserve(project=cast.acme, size_bytes=100, at=make.NOW)
    assert facts(cast.acme) == (0, 100)
    quotas.settle(project=cast.acme, user=cast.ben, kind="dataset", subject="dv_1", reserved_bytes=100,
                  size_bytes=130, at=make.NOW)  # fmt: skip
    assert facts(cast.acme) == (130, 0)


@pytest.mark.django_db
def test_a_promise_taken_back_leaves_nothing(cast: Cast) -> None:
    quotas.reserve(project=cast.acme, size_bytes=100, at=make.NOW)
    quotas.release(project=cast.acme, size_bytes=100)
    assert facts(cast.acme) == (0, 0)


@pytest.mark.django_db
def test_a_refusal_names_the_figures_and_the_way_out(cast: Cast) -> None:
    limit(cast.acme, 5 * GB)
    charge(cast, "art_1", 4 * GB)
    with pytest.raises(quotas.QuotaExceeded) as refusal:
        quotas.reserve(project=cast.acme, size_bytes=13 * GB // 10, at=make.NOW)
    assert refusal.value.message == (
        "This would bring the project to 5.3 GB of 5.0 GB. Ask the people who run this server for more."
    )
    assert refusal.value.extra == {"limit": 5 * GB, "used": 4 * GB, "requested": 13 * GB // 10}
    assert facts(cast.acme) == (4 * GB, 0)


@pytest.mark.django_db
def test_a_promise_is_kept_though_the_limit_fell_since(cast: Cast) -> None:
    quotas.reserve(project=cast.acme, size_bytes=100, at=make.NOW)
    limit(cast.acme, 10)
    quotas.settle(project=cast.acme, user=cast.ben, kind="dataset", subject="dv_1", reserved_bytes=100,
                  size_bytes=90, at=make.NOW)  # fmt: skip
    assert facts(cast.acme) == (90, 0)


@pytest.mark.django_db
def test_what_grew_beyond_its_promise_must_fit(cast: Cast) -> None:
    limit(cast.acme, 100)
    quotas.reserve(project=cast.acme, size_bytes=100, at=make.NOW)
    with pytest.raises(quotas.QuotaExceeded):
        quotas.settle(project=cast.acme, user=cast.ben, kind="dataset", subject="dv_1", reserved_bytes=100,
                      size_bytes=101, at=make.NOW)  # fmt: skip
    assert facts(cast.acme) == (0, 100)


@pytest.mark.django_db
def test_one_thing_is_charged_once(cast: Cast) -> None:
    charge(cast, "art_1", 10)
    with pytest.raises(IntegrityError), transaction.atomic():
        charge(cast, "art_1", 10)
    assert facts(cast.acme) == (10, 0)


@pytest.mark.django_db
def test_the_ledger_refuses_changes(cast: Cast) -> None:
    charge(cast, "art_1", 10)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        StorageCharge.objects.update(size_bytes=0)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        StorageCharge.objects.all().delete()
    assert facts(cast.acme) == (10, 0)


@pytest.mark.django_db(transaction=True)
def test_ten_uploads_at_once_never_pass_the_limit(cast: Cast) -> None:
    limit(cast.acme, 1000)

    def upload(number: int) -> bool:
        try:
            quotas.reserve(project=cast.acme, size_bytes=150, at=make.NOW)
            quotas.settle(project=cast.acme, user=cast.ben, kind="dataset", subject=f"dv_{number}",
                          reserved_bytes=150, size_bytes=150, at=make.NOW)  # fmt: skip
        except quotas.QuotaExceeded:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(upload, range(10)))
    assert sum(done) == 6
    assert facts(cast.acme) == (900, 0)


@pytest.mark.django_db
def test_vic_reads_what_the_project_stores(cast: Cast) -> None:
    charge(cast, "art_1", 10)
    charge(cast, "art_2", 5)
    answer = api(cast.vic).get("/api/v1/projects/acme/usage").json()
    assert (answer["used_bytes"], answer["reserved_bytes"], answer["kinds"]) == (15, 0, {"artifact": 15})


# What one person's projects may hold together


@pytest.mark.django_db
def test_projects_are_free_but_their_room_is_their_makers(cast: Cast) -> None:
    own_limit(cast.ada, 1000)
    others = [make.project(f"Spare {number}", owner=cast.ada) for number in range(5)]
    for each in others[:4]:
        quotas.reserve(project=each, size_bytes=240, at=make.NOW)
    with pytest.raises(quotas.QuotaExceeded) as refusal:
        quotas.reserve(project=others[4], size_bytes=41, at=make.NOW)
    assert refusal.value.message == (
        "This would bring all projects that Ada made to 1.0 kB of 1.0 kB. Ask the people who run this server for more."
    )
    assert refusal.value.extra == {"limit": 1000, "used": 960, "requested": 41}
    with pytest.raises(quotas.QuotaExceeded, match="all projects that Ada made"):
        quotas.fit(project=others[4], size_bytes=41)
    assert quotas.room(others[4]) == 40
    quotas.release(project=others[0], size_bytes=240)
    quotas.reserve(project=others[4], size_bytes=41, at=make.NOW)
    assert held(cast.ada) == (0, 3 * 240 + 41)
    assert facts(others[4]) == (0, 41)


@pytest.mark.django_db
def test_bens_upload_counts_for_ada_who_made_the_project(cast: Cast) -> None:
    make.project("Bens own", owner=cast.ben)
    charge(cast, "art_1", 70)
    assert (held(cast.ada), held(cast.ben)) == ((70, 0), (0, 0))
    own_limit(cast.ada, 100)
    answer = api(cast.ben).post(
        "/api/v1/projects/acme/uploads", {"filename": "a.csv", "size_bytes": 31, "dataset_name": "A"}
    )
    assert (answer.status_code, answer.json()["code"], answer.json()["used"]) == (403, "quota_exceeded", 70)


@pytest.mark.django_db
def test_a_refusal_of_the_project_takes_back_what_its_maker_promised(cast: Cast) -> None:
    limit(cast.acme, 10)
    with pytest.raises(quotas.QuotaExceeded, match="bring the project to"):
        quotas.reserve(project=cast.acme, size_bytes=11, at=make.NOW)
    assert held(cast.ada) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_ten_projects_at_once_never_pass_their_makers_limit(cast: Cast) -> None:
    own_limit(cast.ada, 1000)
    spares = [make.project(f"Spare {number}", owner=cast.ada) for number in range(10)]

    def upload(project: Project) -> bool:
        try:
            quotas.reserve(project=project, size_bytes=150, at=make.NOW)
            quotas.settle(project=project, user=cast.ben, kind="dataset", subject=project.pk, reserved_bytes=150,
                          size_bytes=150, at=make.NOW)  # fmt: skip
        except quotas.QuotaExceeded:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(upload, spares))
    assert sum(done) == 6
    assert held(cast.ada) == (900, 0)
    assert sum(facts(each)[0] for each in spares) == 900


@pytest.mark.django_db
def test_staff_give_one_person_more_and_that_is_recorded(cast: Cast) -> None:
    User.objects.filter(pk=cast.sue.pk).update(is_superuser=True)
    sue = as_(User.objects.get(pk=cast.sue.pk))
    address = f"/admin/accounts/personalallowance/{cast.ada.pk}/change/"
    assert sue.post(address, {"limit_bytes": 5000, "used_bytes": 1}).status_code == 302
    own = PersonalAllowance.objects.get(user=cast.ada)
    assert (own.limit_bytes, own.used_bytes) == (5000, 0)
    shown = sue.get("/admin/accounts/auditevent/", {"action": "allowance:change"}).content.decode()
    assert "email: ada@example.org" in shown


@pytest.mark.django_db
def test_a_broken_sum_is_found(cast: Cast) -> None:
    charge(cast, "art_1", 70)
    PersonalAllowance.objects.filter(user=cast.ada).update(used_bytes=1)
    assert [*invariants.quotas_add_up(make.NOW)] == [
        f"user {cast.ada.pk} is said to hold 1 bytes, their projects hold 70"
    ]


@pytest.mark.django_db
def test_ada_sees_what_her_projects_store_and_what_she_left(cast: Cast) -> None:
    old = make.project("Old one", owner=cast.ada)
    quotas.charge(project=old, user=cast.ada, kind="dataset", subject="dv_9", size_bytes=5_000_000, at=make.NOW)
    charge(cast, "art_1", 2_000_000)
    make.member(old, cast.mia, Role.OWNER)
    projects.remove_member(old.memberships.get(user=cast.ada), by=cast.ada, at=make.NOW)
    page = as_(cast.ada).get("/settings/usage").content.decode()
    assert "<strong>7.0 MB</strong> of" in page
    assert "you left it" in page
    assert page.index("Old one") < page.index('/p/acme/settings"><bdi>Acme')
    said = api(cast.ada).get("/api/v1/me/usage").json()
    assert (said["used_bytes"], [each["project"] for each in said["projects"]]) == (7_000_000, ["old-one", "acme"])
    assert "You made no project yet" in as_(cast.vic).get("/settings/usage").content.decode()
    assert api(cast.vic).get("/api/v1/me/usage").json()["projects"] == []


# Hearing of it


def told(person: User) -> list[str]:
    return [notifications.sentence(row) for row in notifications.listed(person).filter(kind__startswith="storage:")]


@pytest.mark.django_db
def test_eighty_and_ninety_five_percent_are_told_in_the_bell_and_by_letter(cast: Cast, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    limit(cast.acme, 1000)
    charge(cast, "art_1", 799)
    assert told(cast.ada) == []
    charge(cast, "art_2", 1)
    charge(cast, "art_3", 160)
    assert told(cast.mia) == ["Acme uses more than 95 % of its storage.", "Acme uses more than 80 % of its storage."]
    assert told(cast.ben) == []
    letters.send(at=make.NOW)
    letters.send(at=make.NOW)
    assert sorted((each.to[0], each.subject) for each in mail.outbox) == [
        (who, f"[Fynix] Acme uses more than {mark} % of its storage.")
        for who in ("ada@example.org", "mia@example.org") for mark in (80, 95)
    ]  # fmt: skip
    assert "960 bytes of 1.0 kB are taken." in mail.outbox[-1].body


@pytest.mark.django_db
def test_whoever_made_the_projects_hears_when_their_own_limit_is_near(cast: Cast) -> None:
    own_limit(cast.ada, 1000)
    quotas.reserve(project=cast.acme, size_bytes=500, at=make.NOW)
    quotas.reserve(project=make.project("Spare", owner=cast.ada), size_bytes=330, at=make.NOW)
    assert told(cast.ada) == ["Your projects together use more than 80 % of what they may."]
    assert told(cast.mia) == []
    assert "/settings/usage" in as_(cast.ada).get("/notifications").content.decode()


@pytest.mark.django_db
def test_a_letter_that_cannot_be_sent_is_tried_again_and_given_up_after_a_day(cast: Cast, settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 9
    own_limit(cast.ada, 100)
    charge(cast, "art_1", 80)
    letter = Notification.objects.get(kind=News.OWN_NEAR_LIMIT)
    letters.send(at=make.NOW)
    letter.refresh_from_db()
    assert letter.letter_due_at == make.NOW + timedelta(minutes=10)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    letters.send(at=make.NOW + timedelta(minutes=9))
    assert not mail.outbox
    letters.send(at=make.NOW + timedelta(minutes=10))
    assert [each.to for each in mail.outbox] == [["ada@example.org"]]
    Notification.objects.filter(pk=letter.pk).update(letter_due_at=make.NOW, letter_sent_at=None)
    letters.send(at=make.NOW + timedelta(days=1))
    letter.refresh_from_db()
    assert (letter.letter_due_at, len(mail.outbox)) == (None, 1)


@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_send_a_letter_once(cast: Cast, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    own_limit(cast.ada, 100)
    charge(cast, "art_1", 80)

    def send(_: int) -> None:
        try:
            letters.send(at=make.NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    assert len(mail.outbox) == 1
