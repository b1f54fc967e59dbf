"""Refresh tokens: each works once and gives the next; one that comes a second time ends all that followed from it.

A copied token is noticed because both who copied it and who owns it will use it. Moving on is one conditional UPDATE,
so of any number of requests at once with the same token exactly one goes through.
"""

from datetime import datetime, timedelta

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed

from accounts import audit, tokens
from accounts.models import PersonalToken, TokenFamily, User

MARK = "fxr_"  # a leaked token can be searched for
LIFE = timedelta(days=30)  # from the sign-in, however often it is refreshed
KEPT = timedelta(days=30)  # after its end, so that a late copy is still told from nonsense


def begin(*, user: User, token: PersonalToken | None, address: str | None, at: datetime) -> tuple[TokenFamily, str]:
    """A new family and its first token; `token` is what the program showed, None for the session of a browser."""
    family = TokenFamily.objects.create(
        user=user, token=token, address=address, password_mark=tokens.password_mark(user), created_at=at,
        expires_at=at + LIFE,
    )  # fmt: skip
    return family, _written(family)


def refresh(secret: str, *, address: str | None, at: datetime) -> tuple[TokenFamily, str]:
    """The family of this token and the token that takes its place. Raises AuthenticationFailed."""
    family, generation = _read(secret)
    user = family.user
    if not user.is_active or family.revoked_at or family.password_mark != tokens.password_mark(user):
        raise _ended()
    if family.expires_at <= at:
        raise AuthenticationFailed(_("The refresh token has expired. Sign in again."), code="token_expired")
    current = TokenFamily.objects.filter(pk=family.pk, generation=generation, revoked_at=None)
    if not current.update(generation=F("generation") + 1, used_at=at, address=address):
        revoke(family, at=at, act=audit.Act.FAMILY_REUSE)
        raise _ended()
    family.generation = generation + 1
    return family, _written(family)


def alive(user: User, *, at: datetime) -> QuerySet[TokenFamily]:
    """The person's programs that can go on, newest first."""
    mine = user.token_families.filter(revoked_at=None, expires_at__gt=at, password_mark=tokens.password_mark(user))
    return mine.select_related("token").order_by("-created_at", "-pk")


def end(secret: str, *, at: datetime) -> None:
    """Sign the program out. Raises AuthenticationFailed for what is no refresh token."""
    family, _generation = _read(secret)
    revoke(family, at=at, act=audit.Act.FAMILY_END)


def revoke(family: TokenFamily, *, at: datetime, act: audit.Act) -> None:
    """End it with everything that followed from it, once."""
    with transaction.atomic():
        if TokenFamily.objects.filter(pk=family.pk, revoked_at=None).update(revoked_at=at):
            audit.record(act, actor=family.user, subject=family.pk, detail={"generation": family.generation}, at=at)


def expire(*, at: datetime) -> None:
    """Forget families that ended KEPT ago."""
    TokenFamily.objects.filter(expires_at__lt=at - KEPT).delete()


def _ended() -> AuthenticationFailed:
    return AuthenticationFailed(_("The refresh token was revoked or used before. Sign in again."), code="token_revoked")


def _signer() -> Signer:
    return Signer(salt="accounts.families", sep=".")


def _written(family: TokenFamily) -> str:
    return MARK + _signer().sign(f"{family.pk}.{family.generation}")


def _read(secret: str) -> tuple[TokenFamily, int]:
    try:
        name, _dot, generation = _signer().unsign(secret.removeprefix(MARK)).rpartition(".")
    except BadSignature:
        name, generation = "", "0"
    family = TokenFamily.objects.select_related("user").filter(pk=name).first()
    if family is None:
        raise AuthenticationFailed(_("This is not a refresh token of this server."))
    return family, int(generation)
