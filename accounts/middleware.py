"""What every request passes: the way in is noted for the audit, and a new server first asks for its owner."""

from collections.abc import Callable
from typing import Any

from auditlog.middleware import AuditlogMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import audit
from accounts.models import User
from accounts.requests import forwarded

Answer = Callable[[HttpRequest], HttpResponse]

OPEN_TO_NOBODY = (
    "/static/",
    "/health/",
    "/metrics",
    "/api/",
)  # no pages: they answer before anybody has signed up


class FieldChanges(AuditlogMiddleware):  # type: ignore[misc]  # auditlog has no types
    """Who changed a field, and from where.

    The library believes the first address of X-Forwarded-For and the port beside it, which any client makes up.
    """

    def get_extra_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"actor": self._get_actor(request), "remote_addr": forwarded(request), "remote_port": None}


def way_in(answer: Answer) -> Answer:
    """Name the door in every audit event of the request; BearerAuthentication renames it for tokens."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with audit.via("admin" if request.path.startswith(reverse("admin:index")) else "session"):
            return answer(request)

    return middleware


def unkept(answer: Answer) -> Answer:
    """No cache keeps what somebody saw who had signed in: the next person at that machine may be another."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers:
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    return middleware


def first_owner(answer: Answer) -> Answer:
    """Lead every page to sign-up until somebody has signed up: that person owns the server."""
    owned = False

    def middleware(request: HttpRequest) -> HttpResponse:
        nonlocal owned
        if not owned and not request.path.startswith((*OPEN_TO_NOBODY, reverse("account_signup"))):
            owned = User.objects.exists()
            if not owned:
                return redirect("account_signup")
        return answer(request)

    return middleware
