"""The page for staff about the server, and the same in short for programs."""

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from fynix.alerts import drawings, points, rules
from fynix.alerts.models import Alert, Delivery
from fynix.health import durations, endpoints, measures

LATELY = timedelta(days=7)
MOST_PAST = 50


@require_safe
@never_cache
def monitoring(request: HttpRequest) -> HttpResponse:
    """Alerts, queues, workers, failures, storage and charts. For staff; for others it is not there."""
    if not (request.user.is_active and request.user.is_staff):
        raise Http404
    at = now()
    seen = measures.measure(at=at)
    fired = Alert.objects.filter(fired_at__isnull=False)
    over = fired.filter(resolved_at__gt=at - LATELY).order_by("-resolved_at")[:MOST_PAST]
    facts = {
        "at": at,
        "seen": seen,
        "firing": [_line(alert) for alert in fired.filter(resolved_at__isnull=True).order_by("severity", "-since")],
        "past": [_line(alert) for alert in over],
        "unsent": Delivery.objects.filter(done_at__isnull=True, attempts__gt=0).order_by("-created_at")[:MOST_PAST],
        "codes": measures.codes(at=at).most_common(),
        "usual": durations.usual(since=at - drawings.DAY),
        "charts": [drawings.of_work(at=at), *drawings.of_readings(points.since(at - drawings.DAY))],
        "told": settings.ALERTS,
    }
    return render(request, "alerts/monitoring.html", facts)


@require_safe
@never_cache
def problems(request: HttpRequest) -> JsonResponse:
    """Every alert that fires, for who holds FYNIX_METRICS_TOKEN and for staff; else not there."""
    endpoints.admit(request)
    firing = Alert.objects.filter(fired_at__isnull=False, resolved_at__isnull=True).order_by("since")
    told = [
        {"rule": alert.rule, "subject": alert.subject, "severity": alert.severity, "since": alert.since,
         "sentence": rules.sentence(alert), "advice": rules.advice(alert)}
        for alert in firing
    ]  # fmt: skip
    return JsonResponse({"status": "firing" if told else "ok", "problems": told})


def _line(alert: Alert) -> tuple[Alert, str, str]:
    return alert, rules.sentence(alert), rules.advice(alert)
