"""What the shell around every page shows."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import access, notifications
from accounts.models import Project, User
from fynix.observability import context

MOST_PROJECTS = 200  # in the switcher; the page of all projects has the others


def shell(request: HttpRequest) -> dict[str, Any]:
    """The person's projects and unread notifications, read only if the page shows them, and the request's id."""
    return {
        "projects": SimpleLazyObject(lambda: _projects(request)),
        "unread": SimpleLazyObject(lambda: _unread(request)),
        "request_id": context.request_id(),
    }


def _projects(request: HttpRequest) -> list[Project]:
    user = getattr(request, "user", None)
    return list(access.projects_of(user).order_by("name", "slug")[:MOST_PROJECTS]) if user is not None else []


def _unread(request: HttpRequest) -> int:
    user = getattr(request, "user", None)
    return notifications.unread(user) if isinstance(user, User) else 0
