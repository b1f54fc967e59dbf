"""Programs sign in with a secret that is exchanged for minutes of access, never with a password."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone
from redis.exceptions import ConnectionError as NoRedis
from rest_framework.test import APIClient

from accounts import throttles, tickets, tokens
from accounts.models import PersonalToken, User
from fynix import redis
from tests import make
from tests.cast import Cast, api, as_

pytestmark = pytest.mark.django_db
ENDPOINT = "/api/v1/auth/token"


def bearer(word: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")
    return client


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_a_token_of_the_command_line_opens_the_api(cast: Cast) -> None:
    secret = command("ada@example.org", "--name", "import", "--days", "7")
    answer = bearer(secret).post(ENDPOINT)
    assert answer.status_code == 201
    assert bearer(answer.json()["access"]).get("/api/v1/me").json()["email"] == "ada@example.org"
    kept = PersonalToken.objects.get()
    assert secret not in str(PersonalToken.objects.values())
    assert (kept.expires_at - kept.created_at, kept.name) == (timedelta(days=7), "import")
    assert kept.last_used_at is not None


def test_the_command_line_says_when_nobody_has_the_address(cast: Cast) -> None:
    with pytest.raises(CommandError, match="Nobody has signed up"):
        command("zoe@example.org")


def test_ben_makes_a_token_on_the_page_and_sees_it_once(cast: Cast) -> None:
    ben = as_(cast.ben)
    page = ben.post("/settings/tokens", {"name": "nightly", "days": 30})
    secret = page.context["secret"]
    assert secret in page.content.decode()
    assert secret not in ben.get("/settings/tokens").content.decode()
    assert bearer(secret).post(ENDPOINT).status_code == 201


def test_a_revoked_token_opens_nothing(cast: Cast) -> None:
    token, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    as_(cast.ben).post(f"/settings/tokens/{token.pk}/revoke")
    answer = bearer(secret).post(ENDPOINT)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")


def test_nobody_revokes_the_token_of_another(cast: Cast) -> None:
    token, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    assert as_(cast.ada).post(f"/settings/tokens/{token.pk}/revoke").status_code == 404
    assert bearer(secret).post(ENDPOINT).status_code == 201


def test_an_expired_token_says_so(cast: Cast) -> None:
    _, secret = tokens.create(user=cast.ben, name="old", days=1, at=timezone.now() - timedelta(days=2))
    answer = bearer(secret).post(ENDPOINT)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


@pytest.mark.parametrize("word", ["fxp_unknown", "", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
def test_what_is_no_personal_token_is_refused(cast: Cast, word: str) -> None:
    answer = bearer(word).post(ENDPOINT)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_access_token_mints_no_other(cast: Cast) -> None:
    assert api(cast.ben).post(ENDPOINT).status_code == 401


def test_a_personal_token_opens_only_the_exchange(cast: Cast) -> None:
    _, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    answer = bearer(secret).get("/api/v1/me")
    assert answer.status_code == 401
    assert "Exchange the personal token" in answer.json()["detail"]


def test_a_session_gets_an_access_token_with_its_csrf_token_only(cast: Cast) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(cast.ben, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post(ENDPOINT).status_code == 403
    browser.get("/settings/tokens")
    word = browser.cookies["fynix_csrf"].value
    assert browser.post(ENDPOINT, headers={"x-csrftoken": word}).status_code == 201


def test_a_password_opens_no_endpoint(cast: Cast) -> None:
    body = {"email": "ben@example.org", "password": make.PASSWORD}
    assert APIClient().post(ENDPOINT, body).status_code == 401


def test_access_ends_after_fifteen_minutes_and_a_skew(cast: Cast) -> None:
    client = api(cast.ben)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=20), tick=False):
        assert client.get("/api/v1/me").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        answer = client.get("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


def test_a_changed_password_ends_access_at_once(cast: Cast) -> None:
    client = api(cast.ben)
    cast.ben.set_password("another long password")
    cast.ben.save()
    answer = client.get("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")


def test_a_person_switched_off_has_no_access(cast: Cast) -> None:
    client = api(cast.ben)
    _, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    User.objects.filter(pk=cast.ben.pk).update(is_active=False)
    assert client.get("/api/v1/me").status_code == 401
    assert bearer(secret).post(ENDPOINT).status_code == 401


def test_guessing_tokens_is_slowed_down_whatever_address_is_claimed(cast: Cast) -> None:
    answers = [
        bearer(f"fxp_{guess}").post(ENDPOINT, headers={"x-forwarded-for": f"10.0.0.{guess}"}) for guess in range(31)
    ]
    assert {answer.status_code for answer in answers[:30]} == {401}
    assert (answers[30].status_code, answers[30].json()["code"]) == (429, "rate_limited")
    assert int(answers[30]["Retry-After"]) > 0


def test_a_ticket_opens_one_run_once(cast: Cast) -> None:
    ticket = tickets.issue(user=cast.ben, run="run_1")
    assert tickets.redeem(ticket, run="run_1") == cast.ben
    assert tickets.redeem(ticket, run="run_1") is None


def test_a_ticket_for_one_run_does_not_open_another(cast: Cast) -> None:
    assert tickets.redeem(tickets.issue(user=cast.ben, run="run_1"), run="run_2") is None


def test_a_ticket_is_gone_after_its_thirty_seconds(cast: Cast) -> None:
    tickets.issue(user=cast.ben, run="run_1")
    (key,) = redis.client().keys("ticket:*")
    assert 0 < redis.client().ttl(key) <= 30
    assert tickets.redeem("unknown", run="run_1") is None


def test_a_new_password_ends_personal_tokens_however_it_was_set(cast: Cast) -> None:
    _, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    word = bearer(secret).post(ENDPOINT).json()["access"]
    ben = as_(cast.ben)
    new = "a much better battery"
    ben.post("/accounts/password/change/", {"oldpassword": make.PASSWORD, "password1": new, "password2": new})
    answer = bearer(secret).post(ENDPOINT)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    assert "ended when its person changed the password" in answer.json()["detail"]
    assert bearer(word).get("/api/v1/me").status_code == 401
    assert list(ben.get("/settings/tokens").context["tokens"]) == []
    cast.ben.refresh_from_db()
    _, second = tokens.create(user=cast.ben, name="weekly", at=timezone.now())
    cast.ben.set_password("set by staff on the command line")
    cast.ben.save()
    assert bearer(second).post(ENDPOINT).status_code == 401


def test_signing_in_again_with_the_same_password_ends_nothing(cast: Cast) -> None:
    _, secret = tokens.create(user=cast.ben, name="nightly", at=timezone.now())
    as_(None).post("/accounts/login/", {"login": "ben@example.org", "password": make.PASSWORD})
    assert bearer(secret).post(ENDPOINT).status_code == 201


def test_too_many_requests_of_one_person_are_told_when_to_come_back(cast: Cast, settings) -> None:
    settings.API_RATE = 3
    ben, ada = api(cast.ben), api(cast.ada)
    with time_machine.travel(timezone.now().replace(second=48, microsecond=0), tick=False):
        codes = [ben.get("/api/v1/me").status_code for _ in range(5)]
        refused = ben.get("/api/v1/projects")
        assert codes == [200, 200, 200, 429, 429]
        assert (refused["Retry-After"], refused.json()["code"]) == ("12", "rate_limited")
        assert refused["Content-Type"] == "application/problem+json"
        assert ada.get("/api/v1/me").status_code == 200
    with time_machine.travel(timezone.now().replace(second=48, microsecond=0) + timedelta(seconds=12), tick=False):
        assert ben.get("/api/v1/me").status_code == 200


def test_requests_at_once_are_each_counted(cast: Cast, settings) -> None:
    settings.API_RATE = 10
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: throttles.EachMinute().allow_request(Asked(cast.ben), None), range(40)))
    assert sum(allowed) <= 20  # ten, or twice ten where a minute ended meanwhile
    assert sum(allowed) >= 10


@dataclass
class Asked:
    """A request as far as the throttle looks at it."""

    user: User


def test_nobody_is_held_back_while_the_shared_cache_is_away(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise NoRedis

    monkeypatch.setattr(throttles.cache, "incr", away, raising=False)
    assert api(cast.ben).get("/api/v1/me").status_code == 200
