"""Models, one model, one version, versions beside one another, and where things come from."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Count, Max, Prefetch
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts import access
from accounts.access import Action
from accounts.models import User
from accounts.requests import AuthedRequest, signed_in
from registry import approvals, comparison, downloads, formats, lineage, promotion, prospects, versions
from registry.exporters import FORMATS, Exporter
from registry.models import Artifact, Decision, ModelVersion
from registry.views import found
from training import own
from training.engine import RunConfig
from training.engine.report import RunReport
from training.engine.schema import ModelSchema

VERSIONS_A_PAGE = 50
EVIDENCE_SHOWN = 20


@signed_in
@require_safe
def models(request: AuthedRequest, slug: str) -> HttpResponse:
    """All models of a project with what is in production."""
    project = access.project_for(request.user, slug, needs=Action.SEE)
    in_production = Prefetch("versions", ModelVersion.objects.filter(is_production=True), to_attr="in_production")
    rows = project.models.prefetch_related(in_production).annotate(
        size=Count("versions"), newest=Max("versions__created_at")
    )
    may_rule = access.may(request.user, project, Action.ADMINISTER)
    context = {"project": project, "models": rows.order_by("name"), "may_rule": may_rule}
    return render(request, "registry/models.html", context)


@signed_in
@require_safe
def model(request: AuthedRequest, slug: str, name: str) -> HttpResponse:
    """One model: what is in production and why, its versions, its history."""
    shown = found.model(request, slug, name, Action.SEE)
    current = versions.production(shown)
    rows = shown.versions.select_related("created_by", "dataset_version__dataset", "pin")
    page = Paginator(
        rows.prefetch_related("tags", "aliases").defer("schema", "card").order_by("-number"), VERSIONS_A_PAGE
    ).get_page(request.GET.get("page"))
    context = {
        "project": shown.project,
        "model": shown,
        "production": current,
        "headline": gettext("In production: version %(n)s") % {"n": current.number} if current else "",
        "page": page,
        "versions": prospects.beside(current, page),
        "history": shown.promotions.select_related("by", "from_version", "to_version").order_by("-seq"),
        "previous": promotion.previous(current),
        "may_promote": access.may(request.user, shown.project, Action.PROMOTE),
    }
    return render(request, "registry/model.html", context)


@signed_in
@require_safe
def version(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """One version: metrics, signature, downloads, labels, approval, card, lineage."""
    shown = found.version(request, slug, name, number, Action.SEE)
    report = RunReport.from_json(shown.run.outcome.report)
    role = access.role_in(request.user, shown.model.project)
    standing = approvals.standing(shown)
    context = {
        "project": shown.model.project,
        "version": shown,
        "schema": ModelSchema.from_json(shown.schema),
        "report": report,
        "written": own.written(RunConfig.from_json(shown.run.config), report),
        "artifacts": _files(shown, request.user),
        "links": downloads.outstanding(shown, at=now()),
        "may_revoke": access.reaches(role, Action.REVOKE_LINKS),
        "moves": shown.model.promotions.filter(to_version=shown).select_related("by").order_by("-seq"),
        "evidence": shown.test_runs.select_related("created_by").order_by("-created_at")[:EVIDENCE_SHOWN],
        "notes": shown.notes.select_related("by").order_by("-at"),
        "steps": shown.approvals.select_related("by").order_by("-seq"),
        "is_waiting": standing is not None and standing.decision == Decision.REQUESTED,
        "may_promote": access.reaches(role, Action.PROMOTE),
        "may_label": access.reaches(role, Action.LABEL),
        "may_propose": access.reaches(role, Action.PROPOSE),
    }
    return render(request, "registry/version.html", context)


@signed_in
@require_safe
def compare(request: AuthedRequest, slug: str, name: str) -> HttpResponse:
    """Two to five versions beside one another: `?v=3&v=5`."""
    model = found.model(request, slug, name, Action.SEE)
    if not request.GET.getlist("v"):
        rows = model.versions.order_by("-number")[:VERSIONS_A_PAGE]
        return render(request, "registry/compare_choose.html", {"project": model.project, "model": model, "rows": rows})
    chosen = comparison.chosen(model, request.GET.getlist("v"))
    context = {"project": model.project, "model": model, "comparison": comparison.compare(chosen)}
    return render(request, "registry/compare.html", context)


@signed_in
@require_safe
def descent(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Where a version comes from and what became of it."""
    version = found.version(request, slug, name, number, Action.SEE)
    context = {"project": version.model.project, "version": version, "lineage": lineage.of_version(version)}
    return render(request, "registry/lineage.html", context)


@signed_in
@require_safe
def table_descent(request: AuthedRequest, slug: str, dataset: str, number: int) -> HttpResponse:
    """Everything that was made of a version of a table."""
    table = found.table(request, slug, dataset, number)
    context = {"project": table.dataset.project, "table": table, "lineage": lineage.of_table(table)}
    return render(request, "registry/lineage.html", context)


@dataclass(frozen=True)
class _Row:
    """One file on the page: what it is, and whether this person may have it now."""

    artifact: Artifact
    exporter: Exporter
    is_offered: bool
    may_have: bool


def _files(version: ModelVersion, user: User) -> list[_Row]:
    """The files of a version in the order of the table of formats."""
    files = {artifact.format: artifact for artifact in version.artifacts.all()}
    offered = formats.offered(version.model.project)
    role = access.role_in(user, version.model.project)
    return [
        _Row(files[key], exporter, key in offered or not exporter.runs_code, access.reaches(role, formats.needs(key)))
        for key, exporter in FORMATS.items()
        if key in files
    ]
