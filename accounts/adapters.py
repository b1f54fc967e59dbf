"""Signing up: who may, and what a new person finds."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, projects
from accounts.models import User

FIRST_PROJECT = "My project"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """The first person owns the server; everybody finds a project of their own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.OPEN_SIGNUP or not User.objects.exists()

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        with transaction.atomic():
            audit.hold()  # two people who sign up at once must not both be the first
            if not User.objects.exists():
                user.is_staff = user.is_superuser = True
            elif not settings.OPEN_SIGNUP:
                raise PermissionDenied(_("Somebody else was first, and this server is closed to others."))
            super().save_user(request, user, form, commit=commit)
            if commit:
                projects.create(name=FIRST_PROJECT, by=user, at=timezone.now())
        return user
