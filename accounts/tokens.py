"""Tokens for programs: long-lived personal ones, exchanged for access tokens of a few minutes."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import cast

from auditlog.context import auditlog_value
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken, Token
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts import audit
from accounts.models import PersonalToken, TokenFamily, User
from fynix.errors import Invalid

FAMILY = "fam"  # the claim that names the family of an access token
MARK = "fxp_"  # a leaked token can be searched for
USUAL_DAYS, LONGEST_DAYS = 90, 365


class BearerAuthentication(JWTAuthentication):
    """`Authorization: Bearer <access token>`; the person becomes the actor of every record of the request."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:  # type: ignore[override]
        answer = super().authenticate(request)
        if answer is None:
            return None
        user, token = cast(User, answer[0]), answer[1]
        enter(user)
        return user, token

    def get_validated_token(self, raw_token: bytes) -> Token:
        if raw_token.startswith(MARK.encode()):
            raise AuthenticationFailed(
                _("Exchange the personal token for an access token at /api/v1/auth/token first.")
            )
        try:
            return AccessToken(raw_token)  # type: ignore[arg-type]  # it takes the encoded form
        except ExpiredTokenError:
            raise AuthenticationFailed(_("The access token has expired. Ask for a new one."), "token_expired") from None
        except TokenError:
            raise AuthenticationFailed(_("This is not an access token of this server.")) from None

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        family = validated_token.get(FAMILY)
        try:
            if family and TokenFamily.objects.filter(pk=family, revoked_at__isnull=False).exists():
                raise AuthenticationFailed
            return cast(User, super().get_user(validated_token))
        except AuthenticationFailed:  # gone, switched off, or with another password than when it was made
            raise AuthenticationFailed(_("The access token was revoked."), code="token_revoked") from None


def enter(user: User) -> None:
    """Whatever the request at hand records is by this person, through a token."""
    audit.enter("jwt")
    auditlog_value.get({})["actor"] = user


def create(*, user: User, name: str, at: datetime, days: int = USUAL_DAYS) -> tuple[PersonalToken, str]:
    """A new personal token and its secret, which is shown once and kept as a hash only."""
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise Invalid(_("Give the token a name of 1 to 80 characters."), field="name")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(_("A token lives 1 to {most} days.").format(most=LONGEST_DAYS), field="days")
    secret = MARK + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = PersonalToken.objects.create(
            user=user,
            name=name,
            secret_sha256=_hash(secret),
            password_mark=password_mark(user),
            created_at=at,
            expires_at=at + timedelta(days=days),
        )
        audit.record(audit.Act.TOKEN_CREATE, actor=user, subject=token.pk, detail={"name": name, "days": days}, at=at)
    return token, secret


def revoke(token: PersonalToken, *, by: User, at: datetime) -> None:
    """End a personal token and the programs that signed in with it; other access tokens run out by themselves."""
    with transaction.atomic():
        if PersonalToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
            TokenFamily.objects.filter(token=token, revoked_at=None).update(revoked_at=at)
            audit.record(audit.Act.TOKEN_REVOKE, actor=by, subject=token.pk, detail={"name": token.name}, at=at)


def held(secret: str, *, at: datetime) -> PersonalToken:
    """The personal token, with its person. Raises AuthenticationFailed when it is unknown, late or revoked."""
    token = PersonalToken.objects.select_related("user").filter(secret_sha256=_hash(secret)).first()
    if token is None:
        raise AuthenticationFailed(_("This is not a personal token of this server."))
    if token.revoked_at or not token.user.is_active:
        raise AuthenticationFailed(_("The personal token was revoked."), code="token_revoked")
    if token.password_mark != password_mark(token.user):
        raise AuthenticationFailed(
            _("The personal token ended when its person changed the password. Make a new one."), code="token_revoked"
        )
    if token.expires_at <= at:
        raise AuthenticationFailed(_("The personal token has expired. Make a new one."), code="token_expired")
    PersonalToken.objects.filter(pk=token.pk).update(last_used_at=at)
    return token


def alive(user: User, *, at: datetime) -> QuerySet[PersonalToken]:
    """The person's tokens that still work, newest first."""
    working = user.personal_tokens.filter(revoked_at=None, expires_at__gt=at, password_mark=password_mark(user))
    return working.order_by("-created_at")


def access(user: User, *, family: str = "") -> tuple[str, datetime]:
    """An access token for the API, and when it runs out; with a `family` it ends when that is revoked."""
    token = AccessToken.for_user(user)
    if family:
        token[FAMILY] = family
    return str(token), datetime_from_epoch(token["exp"])


def password_mark(user: User) -> str:
    """Tells one password of a person from another, and nothing about either: what is hashed is its salted hash."""
    return _hash(user.password)[:32]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
