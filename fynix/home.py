"""The first page after signing in, the overview of a project, and the page that finds things."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from accounts import access, quotas
from accounts.access import Action
from accounts.models import Project, Role, User
from accounts.requests import AuthedRequest, signed_in
from datasets import samples, uploads, versions
from fynix import activity, agenda, loop, paging, search

LATEST = 6  # rows of each list


@signed_in
@require_safe
def home(request: AuthedRequest) -> HttpResponse:
    """What runs, what needs this person, what is in production; for a new person how to begin."""
    mine = access.projects_of(request.user)
    desk = _first(request.user)
    recent = list(versions.all_versions().filter(dataset__project__in=mine).order_by("-created_at")[:LATEST])
    facts = {
        "loop": loop.of(request.user, mine, desk),
        "first_run": not recent,
        "running": agenda.running(mine),
        "waiting": agenda.waiting(request.user, mine, at=now()),
        "production": agenda.production(mine),
        "recent": recent,
        "activity": activity.latest(mine),
    }
    return render(request, "home/home.html", facts | _desk(request.user, desk))


@signed_in
@require_safe
def overview(request: AuthedRequest, slug: str) -> HttpResponse:
    """One project at a glance: what runs, what is in production, the newest tables and runs."""
    project = access.project_for(request.user, slug, needs=Action.SEE)
    only = Project.objects.filter(pk=project.pk)
    facts = {
        "project": project,
        "running": agenda.running(only),
        "usage": quotas.usage(project),
        "members": project.memberships.count(),
        "tables": project.datasets.count(),
        "runs": project.runs.count(),
        "models": project.models.count(),
        "production": agenda.production(only),
        "recent": versions.all_versions().filter(dataset__project=project).order_by("-created_at")[:LATEST],
        "latest_runs": project.runs.select_related("job").defer("config").order_by(*paging.NEWEST_FIRST)[:LATEST],
        "activity": activity.latest(only),
    }
    return render(request, "home/project.html", facts | _desk(request.user, project))


@signed_in
@require_safe
def now_running(request: AuthedRequest) -> HttpResponse:
    """The card of what runs, for a page that shows it already; with `?project=` of that project alone."""
    mine = access.projects_of(request.user)
    if slug := request.GET.get("project", ""):
        mine = Project.objects.filter(pk=access.project_for(request.user, slug, needs=Action.SEE).pk)
    return render(request, "home/running.html", {"running": agenda.running(mine)})


@signed_in
@require_safe
def found(request: AuthedRequest) -> HttpResponse:
    """What the search finds, as a page of its own."""
    words, within = request.GET.get("q", ""), request.GET.get("project", "")
    hits = search.find(request.user, words, within=within)
    return render(request, "home/search.html", {"words": words.strip(), "within": within, "hits": hits})


def _desk(user: User, project: Project | None) -> dict[str, Any]:
    """What the upload card needs; nothing for who may not upload."""
    if project is None or not access.may(user, project, Action.UPLOAD):
        return {"desk": None}
    return {
        "desk": project,
        "unfinished": uploads.unfinished(project, user),
        "samples": samples.SAMPLES.values(),
        "largest_bytes": uploads.largest(project),
    }


def _first(user: User) -> Project | None:
    """The project that an upload from home goes to: the oldest in which the person may."""
    able = [role for role in Role if role.rank >= access.NEEDS[Action.UPLOAD].rank]
    places = user.memberships.filter(role__in=able).select_related("project").order_by("created_at", "pk")
    oldest = places.first()
    return oldest.project if oldest else None


urlpatterns = [
    path("home", home, name="home"),
    path("home/running", now_running, name="home-running"),
    path("search", found, name="search"),
    path("p/<slug:slug>", overview, name="project"),
]
