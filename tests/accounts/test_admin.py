"""Staff work in the admin: the same sign-in, the same record."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import audit
from accounts.models import Allowance, AuditEvent, User
from tests import make
from tests.cast import Cast, as_

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(cast: Cast) -> Client:
    return as_(User.objects.create_superuser("root@example.org", make.PASSWORD))


def test_the_admin_takes_no_password_of_its_own(cast: Cast) -> None:
    answer = as_(None).post("/admin/login/", {"username": "root@example.org", "password": make.PASSWORD})
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")


def test_another_limit_is_recorded_with_who_and_what(cast: Cast, root: Client) -> None:
    former = Allowance.objects.get(project=cast.acme).limit_bytes
    root.post(f"/admin/accounts/allowance/{cast.acme.pk}/change/", {"limit_bytes": 10**12})
    assert Allowance.objects.get(project=cast.acme).limit_bytes == 10**12
    event = AuditEvent.objects.filter(action=audit.Act.ALLOWANCE_CHANGE).get()
    assert (event.actor_email, event.via) == ("root@example.org", "admin")
    assert event.detail == {"former": former, "limit": 10**12}


def test_switching_a_person_off_leaves_a_field_by_field_trace(cast: Cast, root: Client) -> None:
    root.post(f"/admin/accounts/user/{cast.ben.pk}/change/", {"name": "Ben", "is_staff": ""})
    cast.ben.refresh_from_db()
    assert not cast.ben.is_active
    entry = LogEntry.objects.get_for_object(cast.ben).filter(action=LogEntry.Action.UPDATE).first()
    assert entry.changes["is_active"] == ["True", "False"]
    event = AuditEvent.objects.filter(action=audit.Act.USER_CHANGE).get()
    assert event.subject == f"user:{cast.ben.pk}"
    assert "is_active" in event.detail["changed"]
    assert event.detail["is_active"] is False
    assert entry.actor.email == "root@example.org"


def test_not_even_the_owner_of_the_server_edits_the_audit(cast: Cast, root: Client) -> None:
    event = AuditEvent.objects.latest("seq")
    assert root.get(f"/admin/accounts/auditevent/{event.pk}/change/").status_code == 200
    assert root.post(f"/admin/accounts/auditevent/{event.pk}/change/", {"subject": "x"}).status_code == 403
    assert root.post(f"/admin/accounts/auditevent/{event.pk}/delete/", {"post": "yes"}).status_code == 403


def test_support_searches_the_audit_by_person_and_request(cast: Cast) -> None:
    page = as_(cast.sue).get("/admin/accounts/auditevent/", {"q": "ada@example.org"})
    assert page.context["cl"].result_count == AuditEvent.objects.filter(actor=cast.ada).count() > 0


def test_staff_who_may_change_people_cannot_hand_out_more_than_they_hold(cast: Cast) -> None:
    cast.mia.is_staff = True
    cast.mia.save()
    cast.mia.user_permissions.add(*Permission.objects.filter(codename__in=["change_user", "view_user"]))
    asked = {"name": "Mia", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    as_(cast.mia).post(f"/admin/accounts/user/{cast.mia.pk}/change/", asked)
    cast.mia.refresh_from_db()
    assert (cast.mia.name, cast.mia.is_superuser) == ("Mia", False)


def test_nobody_reads_the_secret_of_a_second_factor_or_of_a_session(cast: Cast, root: Client) -> None:
    factor = Authenticator.objects.create(user=cast.ben, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    session = UserSession.objects.create(user=cast.ben, session_key="k" * 32, ip="10.0.0.1", user_agent="Firefox")
    for kind, row, secret in (("mfa/authenticator", factor, "JBSWY3"), ("usersessions/usersession", session, "kkkk")):
        for page in (f"{row.pk}/change/", "?q=ben", f"{row.pk}/history/"):
            answer = root.get(f"/admin/{kind}/{page}")
            assert answer.status_code == 200
            assert secret not in answer.content.decode()
        assert root.post(f"/admin/{kind}/{row.pk}/change/", {}).status_code == 403
        assert root.post(f"/admin/{kind}/{row.pk}/delete/", {"post": "yes"}).status_code == 302
