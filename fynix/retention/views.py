"""The page about how long a project keeps its files."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts import access, retention
from accounts.access import Action
from accounts.models import Project
from accounts.requests import AuthedRequest, signed_in
from fynix.retention import expiry


class RuleForm(forms.Form):
    file_days = forms.IntegerField(
        label=_("Days"), required=False, min_value=retention.LEAST_DAYS, max_value=retention.MOST_DAYS,
        help_text=_("From the day a version was made. Leave it empty to keep files for ever."),
    )  # fmt: skip


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: AuthedRequest, slug: str) -> HttpResponse:
    """What would go by a rule (`?file_days=` asks without changing it), what stays, and the rule itself."""
    writes = request.method == "POST"
    project = access.project_for(request.user, slug, needs=Action.ADMINISTER if writes else Action.SEE)
    days = retention.days(project)
    sent = request.POST if writes else request.GET if "file_days" in request.GET else {"file_days": days or ""}
    form = RuleForm(sent)
    if form.is_valid():
        asked: int | None = form.cleaned_data["file_days"]
        if writes:
            retention.set_days(project, file_days=asked, by=request.user, at=now())
            messages.success(request, gettext("The rule is changed. Nothing goes within the next seven days."))
            return redirect("project-retention", slug)
        days = asked
    facts = {"form": form, "days": days, **_preview(project, days)}
    facts |= {"project": project, "may_change": access.may(request.user, project, Action.ADMINISTER)}
    return render(request, "retention/rule.html", facts, status=422 if form.errors else 200)


def _preview(project: Project, days: int | None) -> dict[str, Any]:
    """By this rule, at this moment: what goes within a week, what goes later, what stays."""
    rows = expiry.prospects(project, days=days) if days else []
    soon = expiry.within_a_week(rows, at=now())
    return {"rows": rows, "soon": len(soon), "soon_bytes": sum(row.size_bytes for row in soon)}


urlpatterns = [path("p/<slug:slug>/settings/retention", rule, name="project-retention")]
