"""The page about how long a project keeps what can go."""

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
from accounts.models import Keepsake, Project
from accounts.requests import AuthedRequest, signed_in
from fynix.retention import expiry

HELP = {
    Keepsake.FILES: _("Days from the making of a version until its files for taking away go. Empty: for ever."),
    Keepsake.RESULTS: _(
        "Days from a test of many rows until its answers go, with the rows that were sent. Its figures stay. "
        "Empty: for ever."
    ),
    Keepsake.UPLOADS: _(
        "Days from the last version made from an uploaded file until the file goes, with the lines that were left out. "
        "Its tables stay. Empty: for ever."
    ),
    Keepsake.LOGS: _("Days from the end of a run until the words of its log go. Its results stay. Empty: for ever."),
}


class RulesForm(forms.Form):
    """The days of each kind. What is not sent stays as it is."""

    def __init__(self, sent: Any, days: retention.Days) -> None:
        former = {retention.field(kind): "" if life is None else life for kind, life in days.items()}
        super().__init__({name: sent.get(name, life) for name, life in former.items()})
        for kind in days:
            self.fields[retention.field(kind)] = forms.IntegerField(
                label=kind.label, required=False, min_value=retention.LEAST_DAYS, max_value=retention.MOST_DAYS,
                help_text=HELP[kind],
            )  # fmt: skip

    def days(self) -> dict[Keepsake, int | None]:
        return {kind: self.cleaned_data[retention.field(kind)] for kind in HELP}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: AuthedRequest, slug: str) -> HttpResponse:
    """What would go by some rules (`?file_days=` asks without changing any), what stays, and the rules themselves."""
    writes = request.method == "POST"
    project = access.project_for(request.user, slug, needs=Action.ADMINISTER if writes else Action.SEE)
    days = retention.days(project)
    form = RulesForm(request.POST if writes else request.GET, days)
    if form.is_valid():
        if writes:
            retention.set_days(project, form.days(), by=request.user, at=now())
            messages.success(request, gettext("The rules are changed. Nothing goes within the next seven days."))
            return redirect("project-retention", slug)
        days = form.days()
    facts = {"form": form, "rules": [(kind.label, life) for kind, life in days.items()], **_preview(project, days)}
    facts |= {"project": project, "may_change": access.may(request.user, project, Action.ADMINISTER)}
    return render(request, "retention/rule.html", facts, status=422 if form.errors else 200)


def _preview(project: Project, days: retention.Days) -> dict[str, Any]:
    """By these rules, at this moment: what goes within a week, what goes later, what stays."""
    rows, at = expiry.prospects(project, days=days), now()
    soon = expiry.within_a_week(rows, at=at)
    goes = any(days.values())
    shown = rows[: expiry.MOST_ROWS]
    sums = {"all": len(rows), "soon": len(soon), "soon_bytes": expiry.size(soon)}
    return {"rows": shown, "at": at, "goes": goes, **sums}


urlpatterns = [path("p/<slug:slug>/settings/retention", rule, name="project-retention")]
