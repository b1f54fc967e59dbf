"""One look at the figures after another: what breaks a rule becomes an alert, what breaks it no more is resolved.

The schedule looks, and so does every web process, because somebody must notice when the others are gone. Whoever
comes first takes the turn; the others find it taken.
"""

import threading
from datetime import datetime, timedelta

import structlog
from django.db import close_old_connections, transaction
from django.db.models import F
from django.utils import timezone

from fynix.alerts import deliveries, points
from fynix.alerts.models import Alert, Occasion, Pace, Severity
from fynix.alerts.rules import RULES, Breach, Rule
from fynix.health import measures

log = structlog.get_logger(__name__)

PACE_S = 30
REMINDER = timedelta(hours=4)
KEPT = timedelta(days=90)
ONLY = 1  # the one row of Pace
Open = dict[tuple[str, str], Alert]


def turn(*, at: datetime) -> None:
    """Look once, if it is time, and send what is owed. Two at once do not look twice."""
    if _take(at):
        seen = measures.measure(at=at)
        points.keep(seen)
        judge(seen)
    deliveries.send(at=at)


def keep_looking(stop: threading.Event) -> None:
    """Turns until told to stop; for a thread of the web process. Whatever fails is logged."""
    while not stop.wait(PACE_S):
        close_old_connections()
        try:
            turn(at=timezone.now())
        except Exception:
            log.exception("watch_failed")
        finally:
            close_old_connections()


def judge(seen: measures.Measures) -> None:
    """Bring the alerts into line with the figures, and note what is to be told, in one transaction."""
    with transaction.atomic():
        standing = Alert.objects.select_for_update().filter(resolved_at__isnull=True)
        open_: Open = {(alert.rule, alert.subject): alert for alert in standing}
        for rule in RULES:
            for breach in rule.breaches(seen):
                _see(rule, breach, open_.pop((rule.key, breach.subject), None), seen.at)
        for alert in open_.values():
            _clear(alert, seen.at)


def expire(*, at: datetime) -> None:
    """Forget alerts that were resolved more than KEPT ago."""
    Alert.objects.filter(resolved_at__lt=at - KEPT).delete()
    points.expire(at=at)


def _take(at: datetime) -> bool:
    due = Pace.objects.filter(pk=ONLY, looked_at__lte=at - timedelta(seconds=PACE_S - 1))
    if due.update(looked_at=at):
        return True
    return Pace.objects.get_or_create(pk=ONLY, defaults={"looked_at": at})[1]


def _see(rule: Rule, breach: Breach, alert: Alert | None, at: datetime) -> None:
    if alert is None:
        alert = Alert(rule=rule.key, subject=breach.subject, since=at)
    worse = breach.severity == Severity.CRITICAL and alert.severity == Severity.WARNING
    alert.name, alert.severity, alert.seen_at = breach.name, breach.severity, at
    alert.value, alert.bound = breach.value, breach.bound
    alert.save()
    if alert.fired_at is None:
        if (at - alert.since).total_seconds() >= rule.lasts_s:
            Alert.objects.filter(pk=alert.pk).update(fired_at=at)
            _tell(alert, Occasion.FIRING, at)
    elif worse:
        _tell(alert, Occasion.WORSE, at)
    elif alert.told_at is not None and at - alert.told_at >= REMINDER:
        _tell(alert, Occasion.REMINDER, at)


def _clear(alert: Alert, at: datetime) -> None:
    """What nobody heard of leaves no trace."""
    if alert.fired_at is None:
        alert.delete()
        return
    Alert.objects.filter(pk=alert.pk).update(resolved_at=at)
    _tell(alert, Occasion.RESOLVED, at)


def _tell(alert: Alert, occasion: Occasion, at: datetime) -> None:
    Alert.objects.filter(pk=alert.pk).update(told_at=at, tellings=F("tellings") + 1)
    alert.refresh_from_db()
    log.warning("alert", rule=alert.rule, subject=alert.subject, occasion=str(occasion), severity=alert.severity)
    deliveries.owe(alert, occasion, at=at)
