"""Pages about projects, their members, and what is a person's own: tokens, notifications, shortcuts."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access, audit, families, invitations, notifications, preferences, projects, quotas, tokens
from accounts.access import Action
from accounts.forms import MemberForm, ProjectForm, RoleForm, TokenForm
from accounts.models import Membership, Project, Role
from accounts.requests import AuthedRequest, signed_in
from fynix import paging
from fynix.errors import DomainError

ROWS_A_PAGE = 50
KINDS = {"dataset": _("Tables"), "run": _("Runs"), "artifact": _("Model files"), "test": _("Tests")}
"""What takes up room, by the ledger's word for it."""


@signed_in
@require_safe
def all_projects(request: AuthedRequest) -> HttpResponse:
    """Every project of the person, found by a part of its name."""
    words = request.GET.get("q", "").strip()
    mine = access.projects_of(request.user).annotate(role=F("memberships__role")).order_by("name", "slug")
    found = mine.filter(name__icontains=words) if words else mine
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/projects.html", {"page": page, "words": words, "roles": dict(Role.choices)})


@signed_in
@require_http_methods(["GET", "POST"])
def new_project(request: AuthedRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if form.is_valid():
        try:
            made = projects.create(name=form.cleaned_data["name"], by=request.user, at=now())
        except DomainError as refusal:
            show(form, refusal)
        else:
            return redirect("project", made.slug)
    return render(request, "accounts/new_project.html", {"form": form}, status=422 if form.errors else 200)


@signed_in
@require_safe
def settings(request: AuthedRequest, slug: str) -> HttpResponse:
    """Members, usage and name of a project."""
    return settings_page(request, access.project_for(request.user, slug, needs=Action.SEE))


@signed_in
@require_POST
def rename(request: AuthedRequest, slug: str) -> HttpResponse:
    project = access.project_for(request.user, slug, needs=Action.ADMINISTER)
    form = ProjectForm(request.POST)
    if form.is_valid():
        try:
            projects.rename(project, name=form.cleaned_data["name"], by=request.user, at=now())
        except DomainError as refusal:
            show(form, refusal)
        else:
            return redirect("project-settings", slug)
    return settings_page(request, project, name_form=form)


@signed_in
@require_POST
def add_member(request: AuthedRequest, slug: str) -> HttpResponse:
    project = access.project_for(request.user, slug, needs=Action.INVITE)
    form = MemberForm(request.POST)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            member = projects.add_member(project, email=email, role=role, by=request.user, at=now())
        except DomainError as refusal:
            show(form, refusal)
        else:
            _tell_role(request, member)
            return redirect("project-settings", slug)
    return settings_page(request, project, member_form=form)


@signed_in
@require_POST
def change_role(request: AuthedRequest, slug: str, user_id: int) -> HttpResponse:
    member = _member(access.project_for(request.user, slug, needs=Action.INVITE), user_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        projects.change_role(member, role=role, by=request.user, at=now())
        _tell_role(request, member)
    return redirect("project-settings", slug)


@signed_in
@require_POST
def remove_member(request: AuthedRequest, slug: str, user_id: int) -> HttpResponse:
    """Everybody may leave; others are removed by maintainers and owners."""
    leaves = request.user.pk == user_id
    project = access.project_for(request.user, slug, needs=Action.SEE if leaves else Action.INVITE)
    member = _member(project, user_id)
    projects.remove_member(member, by=request.user, at=now())
    words = gettext("%(email)s is no longer a member of %(project)s.")
    messages.success(request, words % {"email": member.user.email, "project": project.name})
    return redirect("home") if leaves else redirect("project-settings", slug)


@signed_in
@never_cache
@require_http_methods(["GET", "POST"])
def personal_tokens(request: AuthedRequest) -> HttpResponse:
    """The person's tokens; a new one's secret is on the page that answers the form, and never again."""
    form, secret = TokenForm(request.POST or None), ""
    if form.is_valid():
        try:
            _token, secret = tokens.create(user=request.user, at=now(), **form.cleaned_data)
        except DomainError as refusal:
            show(form, refusal)
        else:
            form = TokenForm()
    facts = {"form": form, "secret": secret, "tokens": tokens.alive(request.user, at=now())}
    return render(request, "accounts/tokens.html", facts, status=422 if form.errors else 200)


@signed_in
@require_POST
def revoke_token(request: AuthedRequest, token_id: str) -> HttpResponse:
    token = request.user.personal_tokens.filter(pk=token_id).first()
    if token is None:
        raise Http404
    tokens.revoke(token, by=request.user, at=now())
    messages.success(request, gettext("The token “%(name)s” no longer works.") % {"name": token.name})
    return redirect("tokens")


@signed_in
@require_safe
def programs(request: AuthedRequest) -> HttpResponse:
    """The programs that are signed in as this person, beside the browsers."""
    page = paging.shown(families.alive(request.user, at=now()), request)
    return render(request, "accounts/programs.html", {"page": page})


@signed_in
@require_POST
def end_program(request: AuthedRequest, family_id: str) -> HttpResponse:
    family = request.user.token_families.filter(pk=family_id).first()
    if family is None:
        raise Http404
    families.revoke(family, at=now(), act=audit.Act.FAMILY_END)
    messages.success(request, gettext("The program is signed out."))
    return redirect("programs")


@signed_in
@require_safe
def usage(request: AuthedRequest) -> HttpResponse:
    """What the projects that the person made store, and how much room is left."""
    own = quotas.personal_usage(request.user)
    rows = [(each, access.role_in(request.user, each.project) is not None) for each in own.projects]
    return render(request, "accounts/usage.html", {"usage": own, "rows": rows})


@signed_in
@require_safe
def notification_list(request: AuthedRequest) -> HttpResponse:
    page = Paginator(notifications.listed(request.user), ROWS_A_PAGE).get_page(request.GET.get("page"))
    rows = [(row, notifications.sentence(row)) for row in page]
    return render(request, "accounts/notifications.html", {"page": page, "rows": rows})


@signed_in
@require_POST
def read_all(request: AuthedRequest) -> HttpResponse:
    notifications.read(user=request.user, at=now())
    return redirect("notifications")


@signed_in
@require_POST
def read_one(request: AuthedRequest, notification_id: str) -> HttpResponse:
    if not notifications.listed(request.user).filter(pk=notification_id).exists():
        raise Http404
    notifications.read(user=request.user, ids=[notification_id], at=now())
    return redirect("notifications")


@signed_in
@require_http_methods(["GET", "POST"])
def shortcuts(request: AuthedRequest) -> HttpResponse:
    """The keys that act on pages, and the switch that turns them off."""
    if request.method == "POST":
        preferences.set_shortcuts(user=request.user, on=request.POST.get("shortcuts") == "on")
        return redirect("shortcuts")
    return render(request, "accounts/shortcuts.html")


@signed_in
@require_POST
def close_first_steps(request: AuthedRequest) -> HttpResponse:
    preferences.close_first_steps(user=request.user, at=now())
    return redirect("home")


def _tell_role(request: AuthedRequest, member: Membership) -> None:
    words = gettext("%(email)s is now %(role)s.")
    messages.success(request, words % {"email": member.user.email, "role": str(member.get_role_display()).lower()})


def _member(project: Project, user_id: int) -> Membership:
    member = project.memberships.select_related("user", "project").filter(user__id=user_id).first()
    if member is None:
        raise Http404
    return member


def show(form: forms.Form, refusal: DomainError) -> None:
    """The rule that was broken, beside its field."""
    form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)


def settings_page(request: AuthedRequest, project: Project, **more: Any) -> HttpResponse:
    """The page of settings; `more` holds forms that were refused, or the link of a new invitation."""
    usage, may_invite = quotas.usage(project), access.may(request.user, project, Action.INVITE)
    facts: dict[str, Any] = {
        "project": project,
        "members": project.memberships.select_related("user").order_by("created_at", "pk"),
        "invitations": invitations.pending(project) if may_invite else [],
        "now": now(),
        "usage": usage,
        "kinds": [(KINDS.get(kind, kind), size) for kind, size in usage.kinds.items()],
        "roles": Role.choices,
        "may_invite": may_invite,
        "may_administer": access.may(request.user, project, Action.ADMINISTER),
        "member_form": MemberForm(),
        "name_form": ProjectForm({"name": project.name}),
        **more,
    }
    refused = any(isinstance(each, forms.Form) for each in more.values())
    return render(request, "accounts/settings.html", facts, status=422 if refused else 200)
