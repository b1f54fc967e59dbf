"""Moving production, and asking for it: every step is confirmed with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Action
from accounts.requests import AuthedRequest, signed_in
from fynix.errors import DomainError
from registry import approvals, checks, promotion, prospects
from registry.forms import MoveForm, PromoteForm, RollbackForm, RuleForm
from registry.models import Promotion
from registry.views import found


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def promote(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Confirm, with a reason, that this version goes into production."""
    chosen = found.version(request, slug, name, number, Action.PROMOTE)
    first = {"revision": chosen.model.revision, "evidence": request.GET.get("evidence", "")}
    form = PromoteForm(request.POST or None, version=chosen, initial=first)

    def move(at: datetime) -> Promotion:
        revision = form.cleaned_data["revision"]
        return promotion.promote(version=chosen, by=request.user, said=form.said, seen_revision=revision, at=at)

    if _moved(request, form, move):
        return redirect("model", slug, name)
    return _confirm(request, prospects.to_promote(chosen, evidence=form["evidence"].value() or ""), form)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def roll_back(request: AuthedRequest, slug: str, name: str) -> HttpResponse:
    """Confirm, with a reason and the model's name, that the previous version comes back."""
    model = found.model(request, slug, name, Action.ROLL_BACK)
    prospect = prospects.to_roll_back(model)
    if prospect is None:
        context = {"project": model.project, "model": model}
        return render(request, "registry/nothing_to_roll_back.html", context, status=409)
    form = RollbackForm(request.POST or None, model_name=model.name, initial={"revision": model.revision})
    if _moved(request, form, _with_reason(partial(promotion.rollback, model=model, by=request.user), form)):
        return redirect("model", slug, name)
    return _confirm(request, prospect, form)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def demote(request: AuthedRequest, slug: str, name: str) -> HttpResponse:
    """Confirm, with a reason and the model's name, that nothing is in production any more."""
    model = found.model(request, slug, name, Action.DEMOTE)
    prospect = prospects.to_demote(model)
    if prospect is None:
        raise promotion.NothingInProduction(gettext("Nothing is in production, so there is nothing to take out."))
    form = RollbackForm(request.POST or None, model_name=model.name, initial={"revision": model.revision})
    if _moved(request, form, _with_reason(partial(promotion.demote, model=model, by=request.user), form)):
        return redirect("model", slug, name)
    return _confirm(request, prospect, form)


@signed_in
@require_POST
def propose(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Ask for this version to be approved."""
    version = found.version(request, slug, name, number, Action.PROPOSE)
    approvals.request(version=version, by=request.user, reason=request.POST.get("reason", ""), at=now())
    messages.success(request, gettext("Asked. A maintainer decides."))
    return redirect("model-version", slug, name, number)


@signed_in
@require_POST
def decide(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Say yes or no to what somebody else has asked."""
    version = found.version(request, slug, name, number, Action.PROMOTE)
    approvals.decide(
        version=version, approved=request.POST.get("answer") == "approve", by=request.user,
        reason=request.POST.get("reason", ""), at=now(),
    )  # fmt: skip
    return redirect("model-version", slug, name, number)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: AuthedRequest, slug: str) -> HttpResponse:
    """What this project asks of every promotion; the owner decides."""
    project = access.project_for(request.user, slug, needs=Action.ADMINISTER)
    standing = checks.rule_of(project)
    now_asked = {name: bool(standing and getattr(standing, name)) for name in RuleForm.base_fields}
    form = RuleForm(request.POST if request.method == "POST" else None, initial=now_asked)
    if form.is_valid():
        approvals.set_rule(project=project, by=request.user, at=now(), **form.cleaned_data)
        return redirect("models", slug)
    return render(request, "registry/rule.html", {"project": project, "form": form, "standing": standing})


Move = Callable[[datetime], Promotion]


def _with_reason(move: Callable[..., Promotion], form: MoveForm) -> Move:
    """The move, which takes its reason and revision from the form."""
    return lambda at: move(reason=form.cleaned_data["reason"], seen_revision=form.cleaned_data["revision"], at=at)


def _moved(request: AuthedRequest, form: MoveForm, move: Move) -> bool:
    """Whether the form was sent and its move made; a refusal is noted on the form."""
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        move(now())
    except promotion.Unfit as error:
        form.add_error(None, format_html('<span lang="en">{}</span>', error.message))
        return False
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return False
    return True


def _confirm(request: AuthedRequest, prospect: prospects.Prospect, form: MoveForm) -> HttpResponse:
    context = {
        "project": prospect.model.project,
        "prospect": prospect,
        "form": form,
        "back": reverse("model", args=[prospect.model.project.slug, prospect.model.name]),
    }
    return render(request, "registry/confirm.html", context, status=422 if form.errors else 200)
