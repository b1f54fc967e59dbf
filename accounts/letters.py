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


def _send(row: Notification, at: datetime) -> None:
    sentence = notifications.sentence(row)
    page = f"{settings.PUBLIC_URL}{row.address}" if row.address else ""
    text = "\n\n".join(filter(None, (sentence, row.detail, page))) + "\n"
    try:
        send_mail(f"[Fynix] {sentence}", text, settings.DEFAULT_FROM_EMAIL, [row.user.email])
    except (OSError, SMTPException) as error:
        log.warning("letter_not_sent", notification=row.pk, reason=type(error).__name__)
        return
    Notification.objects.filter(pk=row.pk).update(letter_due_at=None, letter_sent_at=at)
