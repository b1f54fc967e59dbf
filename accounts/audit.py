"""The record of key actions: append-only, each event chained by hash to the one before it.

An event is written by the verb in the verb's own transaction, last, because it holds the chain until the
transaction ends. Whoever changes, removes or inserts an event breaks the hashes after it, as `verify` finds.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

import structlog
from django.db import transaction

from accounts.models import AuditEvent, AuditHead, Project, User
from fynix.observability import context

log = structlog.get_logger(__name__)

Via = Literal["session", "jwt", "admin", "worker", "system"]
Detail = Mapping[str, str | int | float | bool | list[str] | None]

GENESIS = "0" * 64
HEAD = 1


class Act(StrEnum):
    """What is recorded: a noun and a verb."""

    PROJECT_CREATE = "project:create"
    PROJECT_RENAME = "project:rename"
    MEMBER_ADD = "member:add"
    MEMBER_CHANGE = "member:change"
    MEMBER_REMOVE = "member:remove"
    INVITATION_SEND = "invitation:send"
    INVITATION_RENEW = "invitation:renew"
    INVITATION_REVOKE = "invitation:revoke"
    INVITATION_ACCEPT = "invitation:accept"
    INVITATION_DECLINE = "invitation:decline"
    TOKEN_CREATE = "token:create"  # noqa: S105  the name of an action
    TOKEN_REVOKE = "token:revoke"  # noqa: S105  the name of an action
    FAMILY_REUSE = "token:reuse"
    FAMILY_END = "token:end"
    SIGN_IN = "session:sign-in"
    SIGN_IN_REFUSED = "session:refuse"
    SIGN_OUT = "session:sign-out"
    PASSWORD_CHANGE = "password:change"  # noqa: S105  the name of an action
    FACTOR_ADD = "factor:add"
    FACTOR_REMOVE = "factor:remove"
    EMAIL_CHANGE = "email:change"
    UPLOAD_COMPLETE = "upload:complete"
    DATASET_DERIVE = "dataset:derive"
    DATASET_LINES = "dataset:lines"
    DATASET_DISCARD = "dataset:discard"
    PRIVACY_DECIDE = "privacy:decide"
    PRIVACY_REVEAL = "privacy:reveal"
    RUN_START = "run:start"
    RUN_CANCEL = "run:cancel"
    VERSION_PUBLISH = "version:publish"
    VERSION_PROMOTE = "version:promote"
    VERSION_ROLLBACK = "version:rollback"
    VERSION_DEMOTE = "version:demote"
    VERSION_ARCHIVE = "version:archive"
    VERSION_RESTORE = "version:restore"
    VERSION_PIN = "version:pin"
    VERSION_UNPIN = "version:unpin"
    APPROVAL_REQUEST = "approval:request"
    APPROVAL_DECIDE = "approval:decide"
    ALIAS_MOVE = "alias:move"
    ALIAS_REMOVE = "alias:remove"
    RULE_CHANGE = "promotion-rule:change"
    ARTIFACT_DOWNLOAD = "artifact:download"
    LINKS_REVOKE = "links:revoke"
    FORMAT_ALLOW = "format:allow"
    FORMAT_WITHDRAW = "format:withdraw"
    RETENTION_CHANGE = "retention:change"
    FILES_EXPIRE = "files:expire"
    RESULTS_EXPIRE = "results:expire"
    UPLOAD_EXPIRE = "upload:expire"
    LOG_EXPIRE = "log:expire"
    ALLOWANCE_CHANGE = "allowance:change"
    USER_CHANGE = "user:change"
    SERVER_RESTORE = "server:restore"


_via: ContextVar[Via] = ContextVar("via", default="system")


@contextmanager
def via(door: Via) -> Iterator[None]:
    """Everything recorded within came through this door."""
    token = _via.set(door)
    try:
        yield
    finally:
        _via.reset(token)


def enter(door: Via) -> None:
    """Rename the door of the request at hand, whose `via` is open."""
    _via.set(door)


def hold() -> None:
    """Wait for the chain and keep it until the transaction at hand ends."""
    _head()


def record(
    action: Act,
    *,
    actor: User | None,
    subject: str,
    at: datetime,
    project: Project | None = None,
    detail: Detail | None = None,
) -> AuditEvent:
    """Append one event. Call it in the verb's transaction, after its writes; `detail` names no cell value."""
    with transaction.atomic():
        head = _head()
        event = AuditEvent(
            at=at,
            action=action,
            actor=actor,
            actor_email=actor.email if actor else "",
            via=_via.get(),
            project=project,
            subject=subject,
            detail=dict(detail or {}),
            request_id=context.request_id(),
            previous_hash=head.hash,
        )
        event.hash = digest(event)
        event.save(force_insert=True)
        head.hash = event.hash
        head.save(update_fields=["hash"])
    return event


def digest(event: AuditEvent) -> str:
    """sha256 over the previous hash and every field but `seq`, as JSON with sorted keys and no blanks."""
    fields = {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "action": str(event.action),
        "actor": event.actor_id,
        "actor_email": event.actor_email,
        "via": event.via,
        "project": event.project_id,
        "subject": event.subject,
        "detail": event.detail,
        "request_id": event.request_id,
        "previous_hash": event.previous_hash,
    }
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Head:
    """The end of the chain at some moment: noted elsewhere, it shows later that everything before it still stands."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def head() -> Head:
    """The newest event. Raises AuditEvent.DoesNotExist before there is one."""
    newest = AuditEvent.objects.order_by("-seq").only("seq", "hash").first()
    if newest is None:
        raise AuditEvent.DoesNotExist
    return Head(newest.seq, newest.hash)


def holds(noted: str) -> bool:
    """Whether the chain still goes through a head that was noted as `seq:hash`: who can write the database can also
    write a whole new chain, but not one that goes through this hash."""
    seq, _, digest_ = noted.strip().partition(":")
    return seq.isdecimal() and AuditEvent.objects.filter(seq=int(seq), hash=digest_).exists()


def tell_head(*, at: datetime) -> None:
    """Say in the log where the chain ends, so that a copy of the log vouches for it."""
    with suppress(AuditEvent.DoesNotExist):
        log.info("audit_head", head=str(head()))


def verify() -> tuple[int, int | None]:
    """The number of events that hold, and the `seq` of the first that does not (None: all hold).

    A chain that was cut off differs from its head; the seq is then that of the last event, plus one.
    """
    previous, held, last = GENESIS, 0, 0
    for event in AuditEvent.objects.order_by("seq").iterator():
        if event.previous_hash != previous or event.hash != digest(event):
            return held, event.seq
        previous, held, last = event.hash, held + 1, event.seq
    head = AuditHead.objects.filter(pk=HEAD).first()
    return held, None if (head.hash if head else GENESIS) == previous else last + 1


def _head() -> AuditHead:
    return AuditHead.objects.select_for_update().get_or_create(pk=HEAD, defaults={"hash": GENESIS})[0]
