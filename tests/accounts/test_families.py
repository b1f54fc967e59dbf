"""Refresh tokens work once; a copy is noticed and ends everything that followed from the sign-in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import families, tokens
from accounts.models import AuditEvent, TokenFamily, User
from tests import make
from tests.accounts.test_tokens import ENDPOINT, bearer
from tests.cast import Cast, api, as_

pytestmark = pytest.mark.django_db(transaction=True)
REFRESH, SIGN_OUT = "/api/v1/auth/refresh", "/api/v1/auth/sign-out"


def begin(person: User) -> dict[str, str]:
    _, secret = tokens.create(user=person, name="nightly", at=timezone.now())
    answer = bearer(secret).post(ENDPOINT, {"refresh": True})
    assert answer.status_code == 201
    return dict(answer.json())


def refreshed(word: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": word})


def works(word: str) -> bool:
    return bool(bearer(word).get("/api/v1/me").status_code == 200)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_program_goes_on_without_its_personal_token(cast: Cast) -> None:
    first = begin(cast.ben)
    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=False):
        assert not works(first["access"])
        second = refreshed(first["refresh"])
        assert second.status_code == 201
        assert works(second.json()["access"])
        third = refreshed(second.json()["refresh"])
        assert works(third.json()["access"])
    assert third.json()["refresh_expires_at"] == first["refresh_expires_at"]
    assert moment(first["refresh_expires_at"]) - timezone.now() > timedelta(days=29)


def test_who_does_not_ask_gets_no_refresh_token(cast: Cast) -> None:
    _, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    assert set(bearer(secret).post(ENDPOINT).json()) == {"access", "access_expires_at"}
    assert bearer(secret).post(ENDPOINT, {"refresh": "maybe"}).status_code == 422
    assert not TokenFamily.objects.exists()


def test_a_token_that_comes_a_second_time_ends_all_that_followed(cast: Cast) -> None:
    first, other = begin(cast.ben), begin(cast.ben)
    second = refreshed(first["refresh"]).json()
    assert works(second["access"])
    again = refreshed(first["refresh"])
    assert (again.status_code, again.json()["code"]) == (401, "token_revoked")
    assert refreshed(second["refresh"]).status_code == 401
    assert not works(second["access"])
    assert not works(first["access"])
    assert works(other["access"])
    assert refreshed(other["refresh"]).status_code == 201
    event = AuditEvent.objects.get(action="token:reuse")
    assert (event.actor, event.via) == (cast.ben, "jwt")


def test_of_eight_requests_at_once_one_goes_through_and_the_family_ends(cast: Cast) -> None:
    first = begin(cast.ben)

    def ask(_: int) -> int:
        try:
            return int(refreshed(first["refresh"]).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(ask, range(8)))
    assert codes == [201, *[401] * 7]
    assert TokenFamily.objects.get().revoked_at is not None
    assert AuditEvent.objects.filter(action="token:reuse").count() == 1


def test_signing_out_ends_it_at_once_and_twice_is_once(cast: Cast) -> None:
    first = begin(cast.ben)
    second = refreshed(first["refresh"]).json()
    for _ in range(2):
        assert APIClient().post(SIGN_OUT, {"refresh": second["refresh"]}).status_code == 204
    assert not works(second["access"])
    assert refreshed(second["refresh"]).json()["code"] == "token_revoked"
    assert AuditEvent.objects.filter(action="token:end").count() == 1


def test_a_new_password_and_a_switched_off_person_end_it(cast: Cast) -> None:
    ben, mia = begin(cast.ben), begin(cast.mia)
    new = "a much better battery"
    as_(cast.ben).post("/accounts/password/change/", {"oldpassword": make.PASSWORD, "password1": new, "password2": new})
    User.objects.filter(pk=cast.mia.pk).update(is_active=False)
    for each in (ben, mia):
        assert refreshed(each["refresh"]).json()["code"] == "token_revoked"
        assert not works(each["access"])


def test_it_ends_thirty_days_after_the_sign_in(cast: Cast) -> None:
    first = begin(cast.ben)
    with time_machine.travel(timezone.now() + timedelta(days=30, seconds=1), tick=False):
        answer = refreshed(first["refresh"])
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    families.expire(at=timezone.now() + timedelta(days=59))
    assert TokenFamily.objects.exists()
    families.expire(at=timezone.now() + timedelta(days=61))
    assert not TokenFamily.objects.exists()


def test_what_is_no_refresh_token_is_refused(cast: Cast) -> None:
    word = begin(cast.ben)["refresh"]
    family, generation, signature = word.removeprefix("fxr_").split(".")
    bent = ["fxr_", "nonsense", word[:-1], f"fxr_{family}.{int(generation) + 1}.{signature}", f"fxr_x.1.{signature}"]
    for each in bent:
        for path in (REFRESH, SIGN_OUT):
            answer = APIClient().post(path, {"refresh": each})
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), each
    assert (
        APIClient().post(REFRESH, {}).status_code
        == APIClient().post(REFRESH, {"refresh": "x" * 201}).status_code
        == 422
    )
    assert refreshed(word).status_code == 201


def test_a_refresh_token_opens_nothing_itself_and_is_not_stored(cast: Cast) -> None:
    first = begin(cast.ben)
    assert not works(first["refresh"])
    assert first["refresh"] not in str(TokenFamily.objects.values())


def test_an_access_token_that_ran_out_does_not_stand_in_the_way(cast: Cast) -> None:
    first = begin(cast.ben)
    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=False):
        assert bearer(first["access"]).post(REFRESH, {"refresh": first["refresh"]}).status_code == 201


PROGRAMS, PAGE = "/api/v1/me/programs", "/settings/programs"


def test_ben_sees_his_programs_and_ends_one(cast: Cast) -> None:
    first, other = begin(cast.ben), begin(cast.ben)
    second = refreshed(first["refresh"]).json()
    me = bearer(other["access"])
    newest, oldest = me.get(PROGRAMS).json()["data"]
    assert (oldest["token"], oldest["address"]) == ("nightly", "127.0.0.1")
    assert newest["used_at"] is None
    assert oldest["used_at"] is not None
    page = as_(cast.ben).get(PAGE).content.decode()
    assert page.count("Sign nightly out") == 2
    assert "127.0.0.1" in page
    for _ in range(2):
        assert me.delete(f"{PROGRAMS}/{oldest['id']}").status_code == 204
    assert not works(second["access"])
    assert [row["id"] for row in me.get(PROGRAMS).json()["data"]] == [newest["id"]]
    done = as_(cast.ben).post(f"{PAGE}/{newest['id']}/end", follow=True).content.decode()
    assert "The program is signed out." in done
    assert "No program is signed in" in done
    assert not works(other["access"])
    assert AuditEvent.objects.filter(action="token:end", actor=cast.ben).count() == 2


def test_nobody_sees_or_ends_the_programs_of_another(cast: Cast) -> None:
    first = begin(cast.ben)
    family = TokenFamily.objects.get()
    assert api(cast.mia).get(PROGRAMS).json()["data"] == []
    assert api(cast.mia).delete(f"{PROGRAMS}/{family.pk}").status_code == 404
    assert as_(cast.mia).post(f"{PAGE}/{family.pk}/end").status_code == 404
    assert works(first["access"])


def test_revoking_the_token_ends_what_signed_in_with_it(cast: Cast) -> None:
    first, other = begin(cast.ben), begin(cast.ben)
    token = TokenFamily.objects.earliest("created_at").token
    assert token is not None
    tokens.revoke(token, by=cast.ben, at=timezone.now())
    assert refreshed(first["refresh"]).json()["code"] == "token_revoked"
    assert not works(first["access"])
    assert works(other["access"])


def test_behind_a_proxy_the_address_is_what_the_proxy_saw(cast: Cast, settings: Any) -> None:
    settings.PROXY_COUNT = 1
    _, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    seen = {"X-Forwarded-For": "10.9.9.9, 192.0.2.7"}
    bearer(secret).post(ENDPOINT, {"refresh": True}, headers=seen)
    assert TokenFamily.objects.get().address == "192.0.2.7"
