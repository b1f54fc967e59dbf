"""Signing in and out, being refused, and changes of what a person signs in with are key actions."""

from typing import Any

from allauth.account.signals import (
    email_added,
    email_changed,
    email_removed,
    password_changed,
    password_reset,
    password_set,
)
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import Signal, receiver
from django.utils import timezone

from accounts import audit
from accounts.models import User

OWN: dict[Signal, audit.Act] = {
    password_changed: audit.Act.PASSWORD_CHANGE,
    password_reset: audit.Act.PASSWORD_CHANGE,
    password_set: audit.Act.PASSWORD_CHANGE,
    email_added: audit.Act.EMAIL_CHANGE,
    email_changed: audit.Act.EMAIL_CHANGE,
    email_removed: audit.Act.EMAIL_CHANGE,
    authenticator_added: audit.Act.FACTOR_ADD,
    authenticator_reset: audit.Act.FACTOR_ADD,
    authenticator_removed: audit.Act.FACTOR_REMOVE,
}
"""What people do to their own account, and how it is recorded."""


@receiver(user_logged_in, dispatch_uid="accounts.signed_in")
def signed_in(user: User, **_: Any) -> None:
    audit.record(audit.Act.SIGN_IN, actor=user, subject=f"user:{user.pk}", at=timezone.now())


@receiver(user_logged_out, dispatch_uid="accounts.signed_out")
def signed_out(user: User | None, **_: Any) -> None:
    """A session that had run out already is nobody's."""
    if user is not None:
        audit.record(audit.Act.SIGN_OUT, actor=user, subject=f"user:{user.pk}", at=timezone.now())


@receiver(user_login_failed, dispatch_uid="accounts.refused")
def refused(credentials: dict[str, Any], **_: Any) -> None:
    """Only for addresses that somebody has: what else is typed there may be a password."""
    user = User.objects.filter(email=str(credentials.get("email", "")).lower()).first()
    if user is not None:
        audit.record(audit.Act.SIGN_IN_REFUSED, actor=None, subject=f"user:{user.pk}", at=timezone.now())


@receiver(list(OWN), dispatch_uid="accounts.own_account")
def changed(signal: Signal, user: User, **more: Any) -> None:
    """Which factor or address it was, never the secret in it."""
    factor, address = more.get("authenticator"), more.get("email_address") or more.get("to_email_address")
    detail = {"type": str(factor.type)} if factor is not None else {"email": address.email} if address else {}
    audit.record(OWN[signal], actor=user, subject=f"user:{user.pk}", detail=detail, at=timezone.now())
