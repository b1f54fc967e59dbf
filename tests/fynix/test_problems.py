"""Every refusal of the API is a problem that a program can act on."""

import json

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from fynix import redis
from fynix.errors import Conflict
from tests.cast import Cast, api, as_

pytestmark = pytest.mark.django_db


class Deep(serializers.Serializer):
    name = serializers.CharField(max_length=3)
    rows = serializers.ListField(child=serializers.IntegerField())


@api_view(["POST"])
@permission_classes([AllowAny])
def check(request: Request) -> Response:
    Deep(data=request.data).is_valid(raise_exception=True)
    return Response({})


@api_view(["GET"])
@permission_classes([AllowAny])
def break_(request: Request) -> Response:
    raise RuntimeError("a bug with a secret in it")


def break_rule(request: HttpRequest) -> HttpResponse:
    raise Conflict("Somebody else was first.", field="name", extra={"holder": "mia"})


def lose_redis(request: HttpRequest) -> HttpResponse:
    lost = redis.redis.Redis(unix_socket_path="/nowhere.sock")
    return HttpResponse(lost.get("x"))


urlpatterns = [
    path("api/check", check),
    path("api/break", break_),
    path("api/rule", break_rule),
    path("api/redis", lose_redis),
]
here = override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[
    "fynix.observability.middleware.request_context", "fynix.problems.answer_in_kind",
])  # fmt: skip


def post(body: object) -> HttpResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return Client().post("/api/check", text, content_type="application/json")


@here
def test_faults_point_at_their_fields() -> None:
    answer = post({"name": "long", "rows": [1, "two"]})
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    body = answer.json()
    assert body["code"] == "validation_error"
    assert [(fault["pointer"], fault["code"]) for fault in body["errors"]] == [
        ("/name", "max_length"), ("/rows/1", "invalid"),
    ]  # fmt: skip
    assert body["request_id"] == answer["X-Request-ID"]


@here
@pytest.mark.parametrize("body", ["{", '{"name": ' + "[" * 100_000, "\x00"])
def test_what_cannot_be_read_is_malformed(body: str) -> None:
    answer = post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


@here
def test_another_media_type_and_another_method_are_named() -> None:
    form = Client().post("/api/check", {"name": "a"})
    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
    got = Client().get("/api/check")
    assert (got.status_code, got.json()["code"]) == (405, "method_not_allowed")


@here
def test_a_bug_tells_the_request_id_and_nothing_else() -> None:
    answer = Client(raise_request_exception=False).get("/api/break")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.content.decode()


@here
def test_a_rule_of_the_product_keeps_its_code_and_facts() -> None:
    body = Client().get("/api/rule").json()
    assert (body["code"], body["detail"], body["holder"]) == ("conflict", "Somebody else was first.", "mia")
    assert body["errors"][0]["pointer"] == "/name"


@here
def test_a_lost_redis_asks_to_try_again() -> None:
    answer = Client().get("/api/redis")
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert answer["Retry-After"] == "5"


def test_an_address_that_is_not_there_is_a_problem_under_the_api_and_a_page_elsewhere(cast: Cast) -> None:
    under = as_(cast.ada).get("/api/v1/nothing")
    assert (under["Content-Type"], under.json()["code"]) == ("application/problem+json", "not_found")
    assert as_(cast.ada).get("/nothing")["Content-Type"].startswith("text/html")


def test_a_program_without_a_token_is_told_how_to_sign_in(cast: Cast) -> None:
    answer = api(None).get("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_role_that_is_too_low_is_named(cast: Cast) -> None:
    body = api(cast.vic).post("/api/v1/projects/acme/members", {"email": "a@b.org", "role": "viewer"}).json()
    assert body["code"] == "permission_denied"
    assert body["detail"] == "This needs the role maintainer or above; yours is viewer."
