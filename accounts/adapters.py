"""Signing up: who may, and what a new person finds."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, invitations, projects
from accounts.models import Invitation, User

FIRST_PROJECT = "My project"


INVITATION = "invitation"  # where a browser's session keeps the link that it came by


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """The first person owns the server; everybody finds a project of their own.

    A server that is closed still takes who was invited, with the address that was invited.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.OPEN_SIGNUP or not User.objects.exists() or _invited(request) is not None

    def clean_email(self, email: str) -> str:
        invitation = None if settings.OPEN_SIGNUP else _invited(self.request)
        signs_up = not self.request.user.is_authenticated
        if invitation is not None and signs_up and email.strip().lower() != invitation.email:
            raise ValidationError(
                _("The invitation is for {email}. Sign up with this address.").format(email=invitation.email)
            )
        return email

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        with transaction.atomic():
            audit.hold()  # two people who sign up at once must not both be the first
            if not User.objects.exists():
                user.is_staff = user.is_superuser = True
            elif not settings.OPEN_SIGNUP and _invited(request) is None:
                raise PermissionDenied(_("Somebody else was first, and this server is closed to others."))
            super().save_user(request, user, form, commit=commit)
            if commit:
                projects.create(name=FIRST_PROJECT, by=user, at=timezone.now())
        return user


def _invited(request: HttpRequest) -> Invitation | None:
    """The open invitation by whose link this browser came."""
    return invitations.waiting_for(request.session.get(INVITATION, ""), at=timezone.now())
