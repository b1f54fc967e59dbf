"""What e-mails and webhooks say."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext

from fynix.alerts.models import Delivery, Occasion
from fynix.alerts.rules import advice, sentence

NEVER = "0001-01-01T00:00:00Z"  # how Alertmanager writes the end of what has not ended


def subject(rows: Sequence[Delivery]) -> str:
    """The first sentence, and how many more there are."""
    more = f" (+{len(rows) - 1})" if len(rows) > 1 else ""
    return f"[Fynix] {_said(rows[0])}{more}"


def letter(rows: Sequence[Delivery]) -> str:
    """One paragraph for each, with what to do, and the page to look at."""
    parts = [_paragraph(row) for row in rows]
    return "\n\n".join([*parts, f"{settings.PUBLIC_URL}{reverse('monitoring')}"]) + "\n"


def document(rows: Sequence[Delivery]) -> dict[str, Any]:
    """The same in the shape of an Alertmanager webhook, version 4, which many receivers read."""
    firing = any(row.occasion != Occasion.RESOLVED for row in rows)
    page = f"{settings.PUBLIC_URL}{reverse('monitoring')}"
    return {
        "version": "4",
        "groupKey": "fynix",
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": "fynix",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": page,
        "alerts": [_one(row, page) for row in rows],
    }


def _one(row: Delivery, page: str) -> dict[str, Any]:
    alert, over = row.alert, row.occasion == Occasion.RESOLVED
    ended = alert.resolved_at.isoformat() if over and alert.resolved_at else NEVER
    return {
        "status": "resolved" if over else "firing",
        "labels": {"alertname": alert.rule, "subject": alert.subject, "severity": alert.severity},
        "annotations": {"summary": sentence(alert), "description": advice(alert)},
        "startsAt": (alert.fired_at or alert.since).isoformat(),
        "endsAt": ended,
        "generatorURL": page,
        "fingerprint": alert.pk,
    }


def _said(row: Delivery) -> str:
    words = sentence(row.alert)
    return gettext("Over: %(what)s") % {"what": words} if row.occasion == Occasion.RESOLVED else words


def _paragraph(row: Delivery) -> str:
    if row.occasion == Occasion.RESOLVED:
        return _said(row)
    return f"{_said(row)}\n{advice(row.alert)}"
