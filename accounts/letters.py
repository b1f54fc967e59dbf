"""Notifications that people get by e-mail as well, from rows that are due until they are sent.

A letter may come twice when its sender dies at the wrong moment, never not at all.
"""

from datetime import datetime, timedelta
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import send_mail

from accounts import notifications
from accounts.models import Notification

log = structlog.get_logger(__name__)

AGAIN = timedelta(minutes=10)  # after an attempt, whether it failed or its sender died
PATIENCE = timedelta(days=1)  # what could not be sent for so long is in the bell only
MOST = 200  # letters of one turn
TO_NOBODY = ("console", "dummy")  # backends whose letters reach no mailbox


def send(*, at: datetime) -> None:
    """Send what is due. Two senders at once send each letter once."""
    due = Notification.objects.filter(letter_due_at__lte=at).select_related("user", "project", "by")
    for row in due.order_by("letter_due_at", "pk")[:MOST]:
        if row.created_at <= at - PATIENCE:
            Notification.objects.filter(pk=row.pk).update(letter_due_at=None)
        elif _taken(row, at):
            _send(row, at)


def _taken(row: Notification, at: datetime) -> bool:
    mine = Notification.objects.filter(pk=row.pk, letter_due_at=row.letter_due_at)
    return bool(mine.update(letter_due_at=at + AGAIN))


def are_delivered() -> bool:
    """Whether letters leave this server: a new one prints them to its log."""
    return settings.EMAIL_BACKEND.split(".")[-2] not in TO_NOBODY


def post(*, to: str, subject: str, text: str) -> bool:
    """Send one letter now; whether the mail server took it."""
    try:
        send_mail(f"[Fynix] {' '.join(subject.split())}", text, settings.DEFAULT_FROM_EMAIL, [to])
    except (OSError, SMTPException) as error:
        log.warning("letter_not_sent", reason=type(error).__name__)
        return False
    return True


def _send(row: Notification, at: datetime) -> None:
    sentence = notifications.sentence(row)
    page = f"{settings.PUBLIC_URL}{row.address}" if row.address else ""
    text = "\n\n".join(filter(None, (sentence, row.detail, page))) + "\n"
    if post(to=row.user.email, subject=sentence, text=text):
        Notification.objects.filter(pk=row.pk).update(letter_due_at=None, letter_sent_at=at)
