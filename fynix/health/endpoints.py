"""Whether this server is alive, whether it can work, and its figures for Prometheus."""

from collections.abc import Callable

import redis as redis_library
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from fynix import redis, tables
from fynix.health import exposition


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """All that a request may need answers: 200, or 503 with what does not."""
    checks = {name: check() for name, check in CHECKS.items()}
    good = all(checks.values())
    return JsonResponse({"status": "ok" if good else "degraded", "checks": checks}, status=200 if good else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' text format, for who holds FYNIX_METRICS_TOKEN and for staff; else not there."""
    admit(request)
    return HttpResponse(exposition.written(), content_type="text/plain; version=0.0.4; charset=utf-8")


def admit(request: HttpRequest) -> None:
    """Let in a program with the token, and staff. Raises Http404."""
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN and constant_time_compare(sent, settings.METRICS_TOKEN):
        return
    if not (request.user.is_active and request.user.is_staff):
        raise Http404


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _migrations() -> bool:
    try:
        return not tables.pending()
    except DatabaseError:
        return False


def _redis() -> bool:
    try:
        return bool(redis.client(redis.FEED).ping())
    except redis_library.RedisError:
        return False


def _storage() -> bool:
    try:
        default_storage.exists("probe")
    except (OSError, BotoCoreError, ClientError):
        return False
    return True


CHECKS: dict[str, Callable[[], bool]] = {
    "database": _database, "migrations": _migrations, "redis": _redis, "storage": _storage,
}  # fmt: skip
