"""One request id for each request: taken from the client or made, bound to the log and the trace, sent back."""

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from fynix.observability import context, tracing

log = structlog.get_logger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNTOLD = ("/health/", "/metrics")  # what a machine asks every few seconds


def request_context(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Bind the id around the view, tell what was asked and answered, and name the id in X-Request-ID."""

    def middleware(request: HttpRequest) -> HttpResponse:
        identity = context.accept(request.headers.get("X-Request-ID", ""))
        if request.path_info.startswith(UNTOLD):
            response = answer(request)
        else:
            with context.bound(request_id=identity):
                response = _told(request, answer)
        response["X-Request-ID"] = identity
        return response

    return middleware


def _told(request: HttpRequest, answer: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """Answer, with one span and one line that name the route: an address as it was typed may hold a secret."""
    method = request.method if request.method in METHODS else "OTHER"
    began = time.monotonic()
    with tracing.span(str(method), kind="server", request_id=context.request_id(), method=str(method)) as note:
        response = answer(request)
        route = request.resolver_match.route if request.resolver_match else ""
        note("route", route)
        note("status", response.status_code)
        took_ms = round(1000 * (time.monotonic() - began))
        log.info("answered", method=method, route=route, status=response.status_code, ms=took_ms)
    return response
