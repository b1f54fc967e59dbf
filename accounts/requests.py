"""Requests of people who have signed in, as a type."""

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
