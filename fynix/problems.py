"""Errors as API clients read them: `application/problem+json` (RFC 9457), with a code."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from redis.exceptions import RedisError
from rest_framework import exceptions

from fynix.errors import DomainError
from fynix.observability import context

API = "/api/"
MEDIA_TYPE = "application/problem+json"
TRY_AGAIN_S = "5"  # seconds; how long a client waits when something we need is away
AWAY = (OperationalError, RedisError)  # what tells that the database or Redis does not answer
Answer = Callable[[HttpRequest], HttpResponse]

CODES: dict[int, tuple[str, str | Promise]] = {
    400: ("malformed_request", gettext_lazy("The request could not be read.")),
    401: ("not_authenticated", gettext_lazy("Send an access token in the Authorization header.")),
    403: ("permission_denied", gettext_lazy("Your role in this project does not allow this.")),
    404: ("not_found", gettext_lazy("There is nothing here, or you may not see it.")),
    405: ("method_not_allowed", gettext_lazy("This address does not answer this method.")),
    406: ("not_acceptable", gettext_lazy("This API answers in JSON only.")),
    411: ("length_required", gettext_lazy("Send the Content-Length header.")),
    413: ("payload_too_large", gettext_lazy("The body is larger than this address accepts.")),
    415: ("unsupported_media_type", gettext_lazy("Send the body as application/json.")),
    422: ("validation_error", gettext_lazy("Some of what you sent cannot be accepted.")),
    429: ("rate_limited", gettext_lazy("Too many requests. Wait, then try again.")),
    500: ("internal", gettext_lazy("This should not have happened. It is in the log under the request's id.")),
    503: (
        "dependency_unavailable",
        gettext_lazy("Something this server needs does not answer. Try again in a few seconds."),
    ),
}
"""Status to code and sentence, where nothing more exact is known."""

SHARED = (400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503)
"""The answers that every operation of the API may give."""


@dataclass(frozen=True)
class Problem:
    """One refusal. `errors` lists faults of the body: a JSON pointer (RFC 6901), a code, a sentence."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    extra: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> JsonResponse:
        body = {
            **self.extra,
            "type": f"/api/docs#{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": context.request_id(),
            "errors": self.errors,
        }
        return JsonResponse(body, status=self.status, content_type=MEDIA_TYPE, headers=dict(self.headers))


def of_status(status: int, detail: str = "", **more: Any) -> Problem:
    """The problem that a status alone tells."""
    code, sentence = CODES.get(status) or CODES[500 if status >= 500 else 400]
    return Problem(status, code, detail or str(sentence), **more)


def handler(error: Exception, _: Mapping[str, Any]) -> HttpResponse | None:
    """REST framework's exception handler; None passes the error on, to the log and a plain 500."""
    for kind, describe_one in KINDS.items():
        if isinstance(error, kind):
            return describe_one(error).answer()
    return None


def answer_in_kind(answer: Answer) -> Answer:
    """Under /api/ every error is a problem, whoever made it; a page that breaks a rule shows the rule."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        plain = response.get("Content-Type", "").startswith("text/html")
        if request.path.startswith(API) and response.status_code >= 400 and plain:
            kept = {name: response[name] for name in ("Allow", "Retry-After") if name in response}
            return of_status(response.status_code, headers=kept).answer()
        return response

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        if request.path.startswith(API):
            return handler(error, {})
        if isinstance(error, DomainError):
            return render(request, "refused.html", {"refusal": error, "back": _came_from(request)}, status=error.status)
        return None

    def process_view(_: HttpRequest, __: object, ___: object, parts: Mapping[str, object]) -> None:
        """No address of ours holds a NUL, and PostgreSQL fails at one instead of finding nothing."""
        if any("\0" in part for part in parts.values() if isinstance(part, str)):
            raise Http404

    middleware.process_view = process_view  # type: ignore[attr-defined]
    middleware.process_exception = process_exception  # type: ignore[attr-defined]  # Django looks for it here
    return middleware


def _came_from(request: HttpRequest) -> str:
    """The page of ours that the person was on, or nothing."""
    page = request.headers.get("Referer", "")
    return page if url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure()) else ""


def broken(request: HttpRequest) -> HttpResponse:
    """The page of an error that nobody handled: 503 when something we need is away, else 500.

    It asks neither the database nor Redis, whose absence may be the error.
    """
    away = isinstance(sys.exc_info()[1], AWAY)
    status, headers = (503, {"Retry-After": TRY_AGAIN_S}) if away else (500, {})
    page = render_to_string(f"{status}.html", {"request_id": context.request_id()})
    return HttpResponse(page, status=status, headers=headers)


def _domain(error: DomainError) -> Problem:
    errors = [_fault([error.field], error.code, error.message)] if error.field else []
    return Problem(error.status, error.code, error.message, errors, error.extra)


def _validation(error: exceptions.ValidationError) -> Problem:
    return of_status(422, errors=list(_faults(error.detail, [])))


def _authentication(error: exceptions.APIException) -> Problem:
    challenge = {"WWW-Authenticate": str(getattr(error, "auth_header", 'Bearer realm="api"'))}
    code, _ = CODES[401]
    given = str(error.get_codes())
    known = given in {"token_expired", "token_revoked"}
    return Problem(401, given if known else code, str(error.detail), headers=challenge)


def _throttled(error: exceptions.Throttled) -> Problem:
    return of_status(429, headers={"Retry-After": str(ceil(getattr(error, "wait", None) or 1))})


def _denied(error: Exception) -> Problem:
    return of_status(403, str(error))


def _api(error: exceptions.APIException) -> Problem:
    return of_status(error.status_code)


def _away(error: Exception) -> Problem:
    return of_status(503, headers={"Retry-After": TRY_AGAIN_S})


KINDS: dict[type[Exception], Callable[[Any], Problem]] = {
    DomainError: _domain,
    exceptions.ValidationError: _validation,
    exceptions.NotAuthenticated: _authentication,
    exceptions.AuthenticationFailed: _authentication,
    exceptions.PermissionDenied: lambda error: _denied(error.detail),
    exceptions.Throttled: _throttled,
    exceptions.APIException: _api,
    PermissionDenied: _denied,
    Http404: lambda _: of_status(404),
    RequestDataTooBig: lambda _: of_status(413),
    RecursionError: lambda _: of_status(400),  # JSON nested too deep
    **dict.fromkeys(AWAY, _away),
}
"""What each kind of error tells, the more exact kind before the wider one."""


def _fault(path: list[str], code: str, detail: str) -> dict[str, str]:
    escaped = (step.replace("~", "~0").replace("/", "~1") for step in path)
    return {"pointer": "".join(f"/{step}" for step in escaped), "code": code, "detail": detail}


def _faults(detail: Any, path: list[str]) -> list[dict[str, str]]:
    """REST framework's nested error detail, flat; its key for faults of the whole body is dropped."""
    if isinstance(detail, Mapping):
        steps = [(value, path if key == "non_field_errors" else [*path, str(key)]) for key, value in detail.items()]
        return [fault for value, at in steps for fault in _faults(value, at)]
    if isinstance(detail, list):
        nested = any(isinstance(each, Mapping) for each in detail)
        return [
            fault
            for index, each in enumerate(detail)
            for fault in _faults(each, [*path, str(index)] if nested else path)
        ]
    return [_fault(path, getattr(detail, "code", "invalid"), str(detail))]


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the shared refusals to every operation of the OpenAPI schema."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = SCHEMA
    components.setdefault("securitySchemes", {})["personalToken"] = PERSONAL_TOKEN
    components["responses"] = {str(status): _response(status) for status in SHARED}
    for operations in result["paths"].values():
        for operation in operations.values():
            for status in SHARED:
                reference = {"$ref": f"#/components/responses/{status}"}
                operation["responses"].setdefault(str(status), reference)
    return result


def _response(status: int) -> dict[str, Any]:
    code, sentence = CODES[status]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": f"`{code}`: {sentence}", "content": content}


PERSONAL_TOKEN = {"type": "http", "scheme": "bearer", "description": "A personal token, `fxp_…`."}


def _text(description: str) -> dict[str, str]:
    return {"type": "string", "description": description}


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457). Some codes add fields of their own.",
    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
    "properties": {
        "type": _text("Where this code is described."),
        "title": _text("The HTTP status in words."),
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": _text("One sentence for people."),
        "code": _text("The reason, for programs; it does not change within v1."),
        "request_id": _text("The id under which the server's log holds this request."),
        "errors": {
            "type": "array",
            "description": "The faults in what was sent; empty when it is not the body's fault.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": _text("JSON pointer to the field; empty for the whole body."),
                    "code": _text("The fault, for programs."),
                    "detail": _text("The fault, for people."),
                },
            },
        },
    },
}
