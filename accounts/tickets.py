"""Tickets that open a run's socket: asked for over HTTP with a token, good once, for thirty seconds."""

import hashlib
import secrets

from accounts.models import User
from fynix import redis

LIFE_S = 30


def issue(*, user: User, run: str) -> str:
    """A new ticket for this person and this run. Raises redis.RedisError."""
    ticket = secrets.token_urlsafe(32)
    redis.client(redis.CACHE).set(_key(ticket), f"{user.pk} {run}", ex=LIFE_S)
    return ticket


def redeem(ticket: str, *, run: str) -> User | None:
    """The person of the ticket, which asking uses up; None for one that is unknown, late or of another run."""
    held = redis.client(redis.CACHE).getdel(_key(ticket))
    person, _, opens = held.decode().partition(" ") if isinstance(held, bytes) else ("", "", "")
    return User.objects.filter(pk=person, is_active=True).first() if person and opens == run else None


def _key(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
