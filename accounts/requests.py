"""Requests of people who have signed in, as a type."""

import ipaddress
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest

from accounts.models import User


class AuthedRequest(HttpRequest):
    """A request whose user is a person, as `signed_in` guarantees."""

    if TYPE_CHECKING:
        user: User


signed_in = login_required


def site(request: HttpRequest) -> str:
    """How addresses begin that people open elsewhere, as in a letter."""
    return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"


def forwarded(request: HttpRequest) -> str | None:
    """What the outermost of our own proxies saw; None without proxies, or when that is no address."""
    seen = request.headers.get("X-Forwarded-For", "").split(",")[-settings.PROXY_COUNT :]
    return _plain(seen[0]) if settings.PROXY_COUNT and len(seen) >= settings.PROXY_COUNT else None


def address(request: HttpRequest) -> str | None:
    """Where a request came from: what our proxies saw or, without proxies, who connected."""
    return forwarded(request) if settings.PROXY_COUNT else _plain(request.META.get("REMOTE_ADDR", ""))


def _plain(word: str) -> str | None:
    try:
        return str(ipaddress.ip_address(word.strip()))
    except ValueError:
        return None
