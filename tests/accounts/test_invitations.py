"""Inviting an address: a link that works once, for a week, for one person, and is kept as a hash only."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils.timezone import now

from accounts import invitations, notifications, projects
from accounts.models import AuditEvent, Invitation, Membership, News, Role, User
from fynix.observability.logging import redact
from tests import make
from tests.cast import Cast, api, as_

pytestmark = pytest.mark.django_db

ZOE = "zoe@example.org"
SETTINGS, SEND, API = "/p/acme/settings", "/p/acme/settings/invitations", "/api/v1/projects/acme/invitations"
CONSOLE = "django.core.mail.backends.console.EmailBackend"


def invite(cast: Cast, email: str = ZOE, role: str = "analyst", by: User | None = None) -> str:
    """The path of the link that an address gets by letter."""
    answer = api(by or cast.ada).post(API, {"email": email, "role": role})
    assert (answer.status_code, answer.json().get("link")) == (201, ""), answer.json()
    return letter_link()


def letter_link() -> str:
    found = re.search(r"http://testserver(/invitation/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def role_of(cast: Cast, email: str) -> str | None:
    return Membership.objects.filter(project=cast.acme, user__email=email).values_list("role", flat=True).first()


def sign_up(browser: Client, email: str, **more: str) -> Any:
    return browser.post("/accounts/signup/", {"email": email, "password1": make.PASSWORD, **more})


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_zoe_who_has_no_account_signs_up_by_the_link_and_takes_part(cast: Cast) -> None:
    answer = as_(cast.ada).post(SEND, {"email": "Zoe@Example.org", "role": "analyst"}, follow=True)
    assert f"A letter with the link is on its way to {ZOE}." in text(answer)
    letter = mail.outbox[-1]
    assert (letter.to, letter.subject) == ([ZOE], "[Fynix] Ada (ada@example.org) invites you to “Acme”")
    zoe, link = Client(), letter_link()
    page = text(zoe.get(link))
    assert "Create an account" in page
    assert ZOE in page
    way = re.search(r'href="(/accounts/signup/[^"]+)"', page)
    assert way
    assert f'value="{ZOE}"' in text(zoe.get(way[1].replace("&amp;", "&")))
    assert sign_up(zoe, ZOE, next=link)["Location"] == link
    done = zoe.post(f"{link}/accept", follow=True)
    assert "You take part in Acme as analyst." in text(done)
    assert role_of(cast, ZOE) == Role.ANALYST
    (row,) = notifications.listed(cast.ada).filter(kind=News.INVITATION_ACCEPTED)
    assert notifications.sentence(row) == f"{ZOE} accepted your invitation to Acme."
    acts = AuditEvent.objects.filter(project=cast.acme, action__startswith="invitation:").order_by("seq")
    assert [each.action for each in acts] == ["invitation:send", "invitation:accept"]


def test_a_link_works_once(cast: Cast) -> None:
    link = invite(cast, cast.sue.email)
    assert as_(cast.sue).post(f"{link}/accept").status_code == 302
    projects.remove_member(cast.acme.memberships.get(user=cast.sue), by=cast.ada, at=now())
    assert as_(cast.sue).post(f"{link}/accept").status_code == 409
    page = as_(cast.sue).get(link)
    assert page.status_code == 410
    assert "A link works once." in text(page)
    assert role_of(cast, cast.sue.email) is None


def test_another_account_is_told_so_in_plain_words(cast: Cast) -> None:
    link = invite(cast)
    page = text(as_(cast.mallory).get(link))
    assert "This is for another account" in page
    assert "mallory@example.org" in page
    for way in ("accept", "decline"):
        answer = as_(cast.mallory).post(f"{link}/{way}")
        assert answer.status_code == 403
        assert "you are signed in as mallory@example.org" in text(answer)
    token = link.rpartition("/")[2]
    asked = api(cast.mallory).post("/api/v1/invitations/accept", {"token": token})
    assert (asked.status_code, asked.json()["code"]) == (403, "invitation_for_somebody_else")


def test_who_declines_needs_no_account_and_the_inviter_hears_of_it(cast: Cast) -> None:
    link = invite(cast)
    assert Client().post(f"{link}/decline").status_code == 302
    assert "declined" in text(Client().get(link))
    (row,) = notifications.listed(cast.ada).filter(kind=News.INVITATION_DECLINED)
    assert notifications.sentence(row) == f"{ZOE} declined your invitation to Acme."
    assert AuditEvent.objects.get(action="invitation:decline").actor is None


def test_a_link_runs_out_after_a_week_and_is_made_anew(cast: Cast) -> None:
    link = invite(cast, cast.sue.email)
    with time_machine.travel(now() + timedelta(days=7, seconds=1), tick=False):
        assert "has run out. Ask ada@example.org" in text(as_(cast.sue).get(link))
        assert as_(cast.sue).post(f"{link}/accept").status_code == 409
        row = Invitation.objects.get()
        assert "ran out" in text(as_(cast.mia).get(SETTINGS))
        assert as_(cast.ada).post(f"{SEND}/{row.pk}/renew").status_code == 302
        newer = letter_link()
        assert newer != link
        assert "A newer link was made" in text(as_(cast.sue).get(link))
        assert as_(cast.sue).post(f"{newer}/accept").status_code == 302


def test_without_mail_the_link_is_shown_once_to_who_invites(cast: Cast, settings: Any) -> None:
    settings.EMAIL_BACKEND = CONSOLE
    ada = as_(cast.ada)
    page = text(ada.post(SEND, {"email": ZOE, "role": "viewer"}))
    shown = re.search(r'id="invitation-link">http://testserver(/invitation/[^<]+)<', page)
    assert shown
    assert "/invitation/" not in text(ada.get(SETTINGS))
    assert "yours to pass on" in text(ada.get(SETTINGS))
    assert Client().get(shown[1]).status_code == 200
    assert api(cast.ada).post(API, {"email": "yan@example.org", "role": "viewer"}).json()["link"]
    assert mail.outbox == []


def test_a_mail_server_that_is_away_gives_the_link_to_who_invites(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("accounts.letters.send_mail", away)
    answer = api(cast.ada).post(API, {"email": ZOE, "role": "viewer"}).json()
    assert answer["link"].startswith("http://testserver/invitation/")
    assert answer["sent_at"] is None


def test_only_a_hash_of_the_link_is_kept_and_the_log_cuts_it(cast: Cast) -> None:
    link = invite(cast)
    token = link.rpartition("/")[2]
    assert token not in redact(None, "", {"event": f"Gone: {link}/accept"})["event"]
    assert token not in str(Invitation.objects.values())
    assert token not in str(AuditEvent.objects.values())


def test_a_link_of_ones_own_making_is_none(cast: Cast) -> None:
    token = invite(cast).rpartition("/")[2]
    for bent in ("nonsense", token[:-1], "inv_x" + token[5:]):
        page = Client().get(f"/invitation/{bent}")
        assert page.status_code == 404, bent
        assert "Check that the link is whole." in text(page)
    assert Client().get("/invitation/%00").status_code == 404
    asked = api(cast.sue).post("/api/v1/invitations/decline", {"token": "x"})
    assert (asked.status_code, asked.json()["code"]) == (404, "no_such_invitation")


def test_withdrawing_ends_the_link_at_once(cast: Cast) -> None:
    link = invite(cast)
    row = Invitation.objects.get()
    assert f"The invitation of {ZOE} is withdrawn." in text(as_(cast.ada).post(f"{SEND}/{row.pk}/revoke", follow=True))
    assert "was withdrawn" in text(Client().get(link))
    answer = api(cast.ada).delete(f"{API}/{row.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "invitation_over")


def test_mia_invites_up_to_analyst_and_not_above(cast: Cast) -> None:
    assert api(cast.mia).post(API, {"email": ZOE, "role": "maintainer"}).status_code == 403
    invite(cast, role="owner")
    row = Invitation.objects.get()
    assert api(cast.mia).delete(f"{API}/{row.pk}").status_code == 403
    assert api(cast.mia).post(f"{API}/{row.pk}/renew").status_code == 403
    invite(cast, "yan@example.org", by=cast.mia)
    assert [each["email"] for each in api(cast.mia).get(API).json()["data"]] == ["yan@example.org", ZOE]
    assert ZOE not in text(as_(cast.vic).get(SETTINGS))


def test_who_lost_the_right_to_invite_lets_nobody_in(cast: Cast) -> None:
    link = invite(cast, cast.sue.email, by=cast.mia)
    projects.change_role(cast.acme.memberships.get(user=cast.mia), role=Role.VIEWER, by=cast.ada, at=now())
    assert "may no longer do that" in text(as_(cast.sue).get(link))
    assert as_(cast.sue).post(f"{link}/accept").status_code == 409


@pytest.mark.parametrize(
    ("email", "status", "code"),
    [("ben@example.org", 409, "already_member"), (ZOE, 409, "already_invited"), ("nobody", 422, "validation_error")],
)
def test_what_cannot_be_invited_is_refused_beside_its_field(cast: Cast, email: str, status: int, code: str) -> None:
    invite(cast)
    body = {"email": email, "role": "viewer"}
    answer = api(cast.ada).post(API, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    page = as_(cast.ada).post(SEND, body)
    assert page.status_code == 422
    assert page.context["member_form"].errors["email"]


def test_there_is_an_end_to_inviting(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    invite(cast)
    row = Invitation.objects.get()
    again = api(cast.ada).post(f"{API}/{row.pk}/renew")
    assert (again.status_code, again.json()["code"]) == (429, "too_many_invitations")
    Invitation.objects.update(renewed_at=now() - timedelta(hours=1), renewals=5)
    assert "sent 6 times" in api(cast.ada).post(f"{API}/{row.pk}/renew").json()["detail"]
    for _ in range(2):
        invitations.revoke(Invitation.objects.get(state="open"), by=cast.ada, at=now())
        invite(cast)
    invitations.revoke(Invitation.objects.get(state="open"), by=cast.ada, at=now())
    assert "3 times within a day" in api(cast.ada).post(API, {"email": ZOE, "role": "viewer"}).json()["detail"]
    for limit, words in (("MOST_OPEN", "invitations wait already"), ("MOST_A_DAY", "within a day")):
        with monkeypatch.context() as patch:
            patch.setattr(invitations, limit, 0)
            assert words in api(cast.ada).post(API, {"email": "yan@example.org", "role": "viewer"}).json()["detail"]


def test_a_closed_server_takes_who_is_invited_with_that_address_only(cast: Cast, settings: Any) -> None:
    settings.OPEN_SIGNUP = False
    zoe, link = Client(), invite(cast)
    sign_up(Client(), ZOE)
    assert not User.objects.filter(email=ZOE).exists(), "the address alone opens nothing"
    zoe.get(link)
    assert f"The invitation is for {ZOE}." in text(sign_up(zoe, "yan@example.org"))
    assert sign_up(zoe, ZOE, next=link)["Location"] == link
    assert zoe.post(f"{link}/accept").status_code == 302
    zoe.logout()
    assert "No new accounts" in text(sign_up(zoe, "yan@example.org"))
    assert not User.objects.filter(email="yan@example.org").exists()


def test_a_letter_to_an_address_proves_it_and_a_link_passed_on_does_not(cast: Cast, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    zoe, link = Client(), invite(cast)
    zoe.get(link)
    assert sign_up(zoe, ZOE, next=link)["Location"] == link
    settings.EMAIL_BACKEND = CONSOLE
    passed_on = api(cast.ada).post(API, {"email": "yan@example.org", "role": "viewer"}).json()["link"]
    yan = Client()
    yan.get(passed_on.removeprefix("http://testserver"))
    assert sign_up(yan, "yan@example.org")["Location"] == "/accounts/confirm-email/"


def test_who_is_added_meanwhile_leaves_no_open_invitation(cast: Cast) -> None:
    link = invite(cast, cast.sue.email)
    make.member(cast.acme, cast.sue, Role.VIEWER)
    assert Invitation.objects.get().state == "revoked"
    assert as_(cast.sue).get(link).status_code == 200
    assert "You take part in this project already." in text(as_(cast.sue).get(link))
    assert as_(cast.sue).post(f"{link}/accept").status_code == 409


def test_the_database_keeps_one_open_invitation_and_what_has_ended(cast: Cast) -> None:
    invite(cast)
    row = Invitation.objects.get()
    row.pk, row.token_sha256 = "inv_other", "0" * 64
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    for broken in ({"email": "Zoe@example.org"}, {"renewals": 6}, {"state": "accepted", "ended_at": now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Invitation.objects.update(**broken)
    invitations.revoke(Invitation.objects.get(), by=cast.ada, at=now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.update(state="open", ended_at=None)


def test_what_ran_out_ends_and_is_forgotten_in_the_end(cast: Cast) -> None:
    invite(cast)
    invitations.expire(at=now() + timedelta(days=36))
    assert Invitation.objects.get().state == "open"
    invitations.expire(at=now() + timedelta(days=38))
    assert Invitation.objects.get().state == "expired"
    invitations.expire(at=now() + timedelta(days=219))
    assert not Invitation.objects.exists()
