"""Who takes part in a project, and who decides that."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Membership, Project, Role
from tests import make
from tests.cast import Cast, api, as_

pytestmark = pytest.mark.django_db


def role_of(cast: Cast, name: str) -> str | None:
    return Membership.objects.filter(project=cast.acme, user=cast.people()[name]).values_list("role", flat=True).first()


def test_ada_adds_sue_by_her_address(cast: Cast) -> None:
    answer = as_(cast.ada).post(
        "/p/acme/settings/members", {"email": "SUE@example.org", "role": "analyst"}, follow=True
    )
    assert "sue@example.org is now analyst." in answer.content.decode()
    assert role_of(cast, "sue") == Role.ANALYST


def test_an_address_nobody_signed_up_with_is_refused_beside_its_field(cast: Cast) -> None:
    answer = as_(cast.ada).post("/p/acme/settings/members", {"email": "zoe@example.org", "role": "viewer"})
    assert answer.status_code == 422
    assert "Ask them to sign up first." in answer.content.decode()


def test_nobody_is_a_member_twice(cast: Cast) -> None:
    answer = api(cast.ada).post("/api/v1/projects/acme/members", {"email": "ben@example.org", "role": "owner"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")


def test_mia_decides_up_to_analyst_and_not_above(cast: Cast) -> None:
    mia = api(cast.mia)
    assert mia.patch(f"/api/v1/projects/acme/members/{cast.vic.pk}", {"role": "analyst"}).status_code == 200
    for role in ("maintainer", "owner"):
        answer = mia.patch(f"/api/v1/projects/acme/members/{cast.vic.pk}", {"role": role})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert mia.delete(f"/api/v1/projects/acme/members/{cast.ada.pk}").status_code == 403
    assert role_of(cast, "vic") == Role.ANALYST


def test_the_last_owner_can_neither_leave_nor_step_down(cast: Cast) -> None:
    ada, address = api(cast.ada), f"/api/v1/projects/acme/members/{cast.ada.pk}"
    assert ada.delete(address).json()["code"] == "last_owner"
    assert ada.patch(address, {"role": "viewer"}).json()["code"] == "last_owner"
    ada.patch(f"/api/v1/projects/acme/members/{cast.mia.pk}", {"role": "owner"})
    assert ada.delete(address).status_code == 204
    assert ada.get("/api/v1/projects/acme").status_code == 404


def test_a_page_that_would_leave_no_owner_shows_the_rule(cast: Cast) -> None:
    answer = as_(cast.ada).post(f"/p/acme/settings/members/{cast.ada.pk}/remove")
    assert answer.status_code == 409
    assert "A project needs an owner." in answer.content.decode()


def test_vic_leaves_and_no_longer_sees_the_project(cast: Cast) -> None:
    vic = as_(cast.vic)
    assert vic.post(f"/p/acme/settings/members/{cast.vic.pk}/remove").status_code == 302
    assert vic.get("/p/acme/settings").status_code == 404


def test_ben_removes_nobody_but_himself(cast: Cast) -> None:
    assert as_(cast.ben).post(f"/p/acme/settings/members/{cast.vic.pk}/remove").status_code == 403


def test_strangers_meet_404_where_members_with_a_low_role_meet_403(cast: Cast) -> None:
    body = {"email": "sue@example.org", "role": "viewer"}
    assert api(cast.mallory).post("/api/v1/projects/acme/members", body).status_code == 404
    assert api(cast.ben).post("/api/v1/projects/acme/members", body).status_code == 403


def test_the_settings_show_forms_only_to_those_who_may_send_them(cast: Cast) -> None:
    pages = {name: as_(cast.people()[name]).get("/p/acme/settings").content.decode() for name in ("ada", "mia", "vic")}
    assert "Change the name" in pages["ada"]
    assert "Add the member" in pages["mia"]
    assert "Change the name" not in pages["mia"]
    assert "Add the member" not in pages["vic"]


def test_two_projects_of_one_name_have_two_addresses(cast: Cast) -> None:
    answers = [api(cast.ben).post("/api/v1/projects", {"name": " Churn  study "}).json() for _ in range(2)]
    assert [answer["name"] for answer in answers] == ["Churn study", "Churn study"]
    assert answers[0]["slug"] == "churn-study"
    assert answers[1]["slug"].startswith("churn-study-")


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_project_needs_a_name_that_fits(cast: Cast, name: str) -> None:
    answer = api(cast.ben).post("/api/v1/projects", {"name": name})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"


def test_a_name_without_letters_still_gets_an_address(cast: Cast) -> None:
    assert make.project("日本", owner=cast.ben).slug == "project"


def test_renaming_keeps_the_address(cast: Cast) -> None:
    as_(cast.ada).post("/p/acme/settings/name", {"name": "Acme Ltd"})
    assert Project.objects.get(slug="acme").name == "Acme Ltd"


def test_the_database_refuses_a_second_role_for_one_person(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(project=cast.acme, user=cast.ben, role=Role.OWNER, created_at=make.NOW)
    assert connection.is_usable()


def test_projects_are_listed_to_their_members_only(cast: Cast) -> None:
    assert [row["slug"] for row in api(cast.vic).get("/api/v1/projects").json()["data"]] == ["acme"]
    assert [row["slug"] for row in api(cast.mallory).get("/api/v1/projects").json()["data"]] == ["elsewhere"]
    assert api(cast.vic).get("/api/v1/projects/acme").json()["role"] == "viewer"
