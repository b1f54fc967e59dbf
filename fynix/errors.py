"""Errors that a person is meant to read: one sentence, a code for programs, an HTTP status."""

from collections.abc import Mapping
from typing import ClassVar


class DomainError(Exception):
    """A rule of the product was broken. Views show the message; the API answers with the code and status."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def __init__(self, message: str, *, field: str | None = None, extra: Mapping[str, object] | None = None) -> None:
        """`field` names the form or JSON field at fault; `extra` holds JSON-ready facts for API clients."""
        super().__init__(message)
        self.message = message
        self.field = field
        self.extra = dict(extra or {})


class NotAllowed(DomainError):
    """The person is known and may see the thing, but may not do this to it."""

    code = "not_allowed"
    status = 403


class Conflict(DomainError):
    """The thing has moved on, or something else holds it, since the person last looked."""

    code = "conflict"
    status = 409


class Invalid(DomainError):
    """What was sent cannot be accepted as it is."""

    code = "invalid"
    status = 422
