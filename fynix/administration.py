"""The administration's first page: what is in production, what waits for an answer, what failed, how full it is."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now

LATELY = timedelta(days=7)
SHOWN = 10  # rows of each list; what is more has its own page


class Site(AdminSite):
    """Django's, with an overview above the tables."""

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**(extra_context or {}), **_overview(at=now())})


class Administration(AdminConfig):
    """Names the site above in INSTALLED_APPS."""

    default_site = "fynix.administration.Site"


def _overview(*, at: datetime) -> dict[str, Any]:
    from accounts.models import Project  # noqa: PLC0415  this module is loaded before any model
    from fynix import agenda  # noqa: PLC0415
    from fynix.health import measures  # noqa: PLC0415
    from fynix.queue.models import Job, State  # noqa: PLC0415

    production = agenda.production(Project.objects.all())
    waiting = agenda.proposed()
    failed = Job.objects.filter(state=State.FAILED, finished_at__gt=at - LATELY).order_by("-finished_at")
    return {
        "production": production[:SHOWN],
        "production_count": production.count(),
        "proposed": waiting[:SHOWN],
        "proposed_count": waiting.count(),
        "failed": failed[:SHOWN],
        "failed_count": failed.count(),
        "projects": dict(Project.objects.filter(pk__in=failed.values("project_id")).values_list("pk", "slug")),
        "seen": measures.measure(at=at),
    }
