"""Signing up: the first person owns the server, everybody finds a project."""

import pytest
from django.test import Client

from accounts.models import Allowance, Membership, Role, User
from tests import make

pytestmark = pytest.mark.django_db


def sign_up(email: str) -> Client:
    browser = Client()
    answer = browser.post("/accounts/signup/", {"email": email, "password1": make.PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return browser


@pytest.mark.parametrize("page", ["/", "/home", "/accounts/login/", "/p/acme"])
def test_a_new_server_leads_every_page_to_sign_up(page: str) -> None:
    assert Client().get(page).url == "/accounts/signup/"


@pytest.mark.parametrize("page", ["/health/live", "/accounts/signup/", "/api/v1/me"])
def test_a_new_server_still_answers_what_is_no_page(page: str) -> None:
    assert Client().get(page).status_code in {200, 401}


def test_the_first_person_owns_the_server_and_a_project() -> None:
    browser = sign_up("ada@example.org")
    ada = User.objects.get()
    assert ada.is_superuser
    assert ada.is_staff
    member = Membership.objects.get(user=ada)
    assert (member.project.name, member.role) == ("My project", Role.OWNER)
    assert Allowance.objects.get(project=member.project).limit_bytes > 0
    assert browser.get("/home").status_code == 200


def test_the_second_person_owns_a_project_of_their_own_and_nothing_else() -> None:
    sign_up("ada@example.org")
    sign_up("ben@example.org")
    ben = User.objects.get(email="ben@example.org")
    assert not ben.is_staff
    assert not ben.is_superuser
    assert [member.role for member in ben.memberships.all()] == [Role.OWNER]


def test_a_closed_server_takes_its_first_person_and_nobody_after(settings) -> None:
    settings.OPEN_SIGNUP = False
    sign_up("ada@example.org")
    page = Client().post("/accounts/signup/", {"email": "ben@example.org", "password1": make.PASSWORD})
    assert page.status_code == 200
    assert User.objects.count() == 1
