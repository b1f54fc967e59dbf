"""Telling of alerts: in the bell at once; by e-mail and webhook from rows that are owed until they are sent.

Everything that is due goes into one message, so that ten alerts of one cause are one mail. A message may arrive
twice when its sender dies at the wrong moment, never not at all: receivers know it again by its id.
"""

import hashlib
import hmac
import http.client
import json
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from accounts import notifications
from accounts.models import News, User
from fynix.alerts import messages, rules
from fynix.alerts.models import Alert, Channel, Delivery, Occasion

log = structlog.get_logger(__name__)

HELD = timedelta(minutes=2)  # how long a claim lasts: longer than any sending
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
PATIENCE = timedelta(days=1)  # what could not be sent for so long is given up
ANSWER_S = 10  # longest wait for a webhook
FAULTS = (OSError, SMTPException, http.client.HTTPException)


class Refused(OSError):
    """The receiver answered, but not with success."""


def owe(alert: Alert, occasion: Occasion, *, at: datetime) -> None:
    """Note what is to be sent and tell staff in the bell; call it in the transaction that moves the alert."""
    if not settings.ALERTS:
        return
    staff = User.objects.filter(is_staff=True, is_active=True).values_list("pk", flat=True)
    notifications.tell(
        staff, News.ALERT_OVER if occasion == Occasion.RESOLVED else News.ALERT, project=None,
        subject=f"{alert.pk}:{alert.tellings}", thing=rules.sentence(alert)[:120], at=at,
        address=reverse("monitoring"),
    )  # fmt: skip
    Delivery.objects.bulk_create(
        Delivery(alert=alert, channel=channel, occasion=occasion, telling=alert.tellings, created_at=at, next_at=at)
        for channel, wanted in WANTED.items() if wanted()
    )  # fmt: skip


def send(*, at: datetime) -> None:
    """Send everything that is due, one message for each channel."""
    for channel, sender in SENDERS.items():
        rows = _claimed(channel, at)
        if not rows:
            continue
        try:
            sender(rows)
        except FAULTS as error:
            log.warning("alert_not_sent", channel=str(channel), reason=type(error).__name__)
            _postpone(rows, error, at)
        else:
            Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(done_at=at, error="")


def recipients() -> list[str]:
    """Who gets the e-mails: FYNIX_ALERT_EMAILS, else the server's owners."""
    owners = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    return list(settings.ALERT_EMAILS) or list(owners.values_list("email", flat=True))


def signature(body: bytes, *, at: str) -> str:
    """HMAC-SHA256 (RFC 2104) over the time, a full stop and the body, in hexadecimal."""
    return hmac.new(settings.ALERT_WEBHOOK_SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def _claimed(channel: Channel, at: datetime) -> Sequence[Delivery]:
    """Take what is due for this channel; whoever comes second finds it taken."""
    claim = secrets.token_hex(16)
    due = Delivery.objects.filter(channel=channel, next_at__lte=at, done_at__isnull=True, given_up_at__isnull=True)
    due.update(claim=claim, next_at=at + HELD, attempts=F("attempts") + 1)
    return list(Delivery.objects.filter(claim=claim).select_related("alert").order_by("created_at", "pk"))


def _postpone(rows: Sequence[Delivery], error: Exception, at: datetime) -> None:
    """Try again later, twice as long each time; after PATIENCE no more."""
    said = str(error) if isinstance(error, Refused) else type(error).__name__
    with transaction.atomic():
        for row in rows:
            pause = min(FIRST_PAUSE * 2 ** (row.attempts - 1), LONGEST_PAUSE)
            over = Q(pk=row.pk, created_at__lte=at - PATIENCE)
            Delivery.objects.filter(pk=row.pk).update(next_at=at + pause, error=said)
            Delivery.objects.filter(over).update(given_up_at=at)


def _mail(rows: Sequence[Delivery]) -> None:
    send_mail(messages.subject(rows), messages.letter(rows), settings.DEFAULT_FROM_EMAIL, recipients())


def _post(rows: Sequence[Delivery]) -> None:
    """One POST, signed; redirects are not followed."""
    target = urlsplit(settings.ALERT_WEBHOOK_URL)
    body = json.dumps(messages.document(rows), separators=(",", ":")).encode()
    at = rows[-1].created_at.isoformat()
    headers = {"Content-Type": "application/json", "User-Agent": "fynix-flux-pilot", "X-Fynix-Delivery": rows[0].claim,
               "X-Fynix-Time": at}  # fmt: skip
    if settings.ALERT_WEBHOOK_SECRET:
        headers["X-Fynix-Signature"] = f"sha256={signature(body, at=at)}"
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(target.hostname), target.port, timeout=ANSWER_S)
    try:
        connection.request("POST", f"{target.path or '/'}{'?' if target.query else ''}{target.query}", body, headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status not in range(200, 300):
        raise Refused(f"The receiver answered {status}.")


WANTED: dict[Channel, Callable[[], bool]] = {
    Channel.EMAIL: lambda: bool(recipients()),
    Channel.WEBHOOK: lambda: bool(settings.ALERT_WEBHOOK_URL),
}
SENDERS: dict[Channel, Callable[[Sequence[Delivery]], None]] = {Channel.EMAIL: _mail, Channel.WEBHOOK: _post}
