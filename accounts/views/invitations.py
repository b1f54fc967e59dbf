"""Pages of invitations: for who invites, and for who was invited."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import access, adapters, invitations
from accounts.access import Action
from accounts.forms import MemberForm
from accounts.invitations import Invited
from accounts.models import Invitation, Project, Role, User
from accounts.requests import AuthedRequest, signed_in, site
from accounts.views.people import settings_page, show
from fynix.errors import DomainError


@signed_in
@never_cache
@require_POST
def invite(request: AuthedRequest, slug: str) -> HttpResponse:
    project = access.project_for(request.user, slug, needs=Action.INVITE)
    form = MemberForm(request.POST)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            made = invitations.invite(project, email=email, role=role, by=request.user, site=site(request), at=now())
        except DomainError as refusal:
            show(form, refusal)
        else:
            return _told(request, project, made)
    return settings_page(request, project, member_form=form)


@signed_in
@never_cache
@require_POST
def renew(request: AuthedRequest, slug: str, invitation_id: str) -> HttpResponse:
    project, found = _found(request, slug, invitation_id)
    made = invitations.renew(found, by=request.user, site=site(request), at=now())
    return _told(request, project, made)


@signed_in
@require_POST
def revoke(request: AuthedRequest, slug: str, invitation_id: str) -> HttpResponse:
    _project, found = _found(request, slug, invitation_id)
    invitations.revoke(found, by=request.user, at=now())
    words = gettext("The invitation of %(email)s is withdrawn. Its link no longer works.")
    messages.success(request, words % {"email": found.email})
    return redirect("project-settings", slug)


@never_cache
@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What somebody is asked, and what stands in the way: no account yet, another account, an end."""
    user = request.user if isinstance(request.user, User) else None
    try:
        found = invitations.found(token)
        if user is None or not found.project.memberships.filter(user=user).exists():
            invitations.check_open(found, at=now())
    except DomainError as refusal:
        status = 404 if refusal.status == 404 else 410
        return render(request, "accounts/invitation_over.html", {"refusal": refusal}, status=status)
    if user is None:
        _keep(request, found, token)
    facts = {
        "invitation": found,
        "token": token,
        "mine": user is not None and invitations.is_for(found, user),
        "member": user is not None and found.project.memberships.filter(user=user).exists(),
        "has_account": User.objects.filter(email=found.email, is_active=True).exists(),
    }
    return render(request, "accounts/invitation.html", facts)


@signed_in
@require_POST
def accept(request: AuthedRequest, token: str) -> HttpResponse:
    member = invitations.accept(invitations.found(token), by=request.user, at=now())
    words = gettext("You take part in %(project)s as %(role)s.")
    role = str(member.get_role_display()).lower()
    messages.success(request, words % {"project": member.project.name, "role": role})
    return redirect("project", member.project.slug)


@require_POST
def decline(request: HttpRequest, token: str) -> HttpResponse:
    """Needs no account: who does not want to take part should not have to make one."""
    user = request.user if isinstance(request.user, User) else None
    found = invitations.found(token)
    invitations.decline(found, by=user, at=now())
    messages.success(request, gettext("You declined. %(email)s hears of it.") % {"email": found.invited_by.email})
    return redirect("home" if user else "home-public")


def _keep(request: HttpRequest, found: Invitation, token: str) -> None:
    """Remember the link, so that its person may sign up here; a letter to an address proves that it is theirs."""
    request.session[adapters.INVITATION] = token
    if found.sent_at is not None and settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory":
        adapters.AccountAdapter(request).stash_verified_email(request, found.email)


def _found(request: AuthedRequest, slug: str, invitation_id: str) -> tuple[Project, Invitation]:
    project = access.project_for(request.user, slug, needs=Action.INVITE)
    found = project.invitations.select_related("project", "invited_by").filter(pk=invitation_id).first()
    if found is None:
        raise Http404
    return project, found


def _told(request: AuthedRequest, project: Project, made: Invited) -> HttpResponse:
    """The link itself is on this page only, and never again."""
    if made.link:
        return settings_page(request, project, invited=made)
    words = gettext("A letter with the link is on its way to %(email)s.")
    messages.success(request, words % {"email": made.invitation.email})
    return redirect("project-settings", project.slug)
