"""The pages on which versions answer: one row, or many."""

from __future__ import annotations

import random

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Action
from accounts.requests import AuthedRequest, signed_in
from fynix import ranges
from fynix.errors import DomainError
from registry.models import ModelVersion
from sandbox import batches, charts, evidence, forms
from sandbox.evidence import BatchTest, SingleTest
from sandbox.models import Batch, TestRun
from training import story
from training.engine.schema import ModelSchema

RECENT = 10


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def single(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """One row: a form from the signature, the answer, and what moved it."""
    version = _version(request, slug, name, number, Action.TEST)
    schema = ModelSchema.from_json(version.schema)
    if request.method != "POST":
        row = _prefill(request, version, schema)
        return _page(request, version, schema, row, start=row)
    values, start = forms.posted(schema, request.POST), forms.started(schema, request.POST)
    try:
        run = evidence.answer(version=version, inputs=dict(values), by=request.user, at=now())
        former = evidence.tried(version=version, rows=[start])[0] if start != values else None
    except DomainError as error:
        return _page(request, version, schema, values, start=start, error=error)
    return _page(request, version, schema, values, start=start, run=run, former=former)


@signed_in
@require_POST
def what_if(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """A part of that page: what the row as it is typed would be answered, beside the row that the form began with."""
    version = _version(request, slug, name, number, Action.TEST)
    schema = ModelSchema.from_json(version.schema)
    try:
        rows = [forms.started(schema, request.POST), forms.posted(schema, request.POST)]
        start, tried = evidence.tried(version=version, rows=rows)
    except DomainError as error:
        return render(request, "sandbox/what_if.html", {"error": error}, status=error.status)
    told = {"start": start, "now": tried, "what_if": charts.what_if(start, tried)}
    return render(request, "sandbox/what_if.html", told)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def many(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Many rows, from a file, a table or the held-back rows, through one to five versions."""
    version = _version(request, slug, name, number, Action.TEST_MANY)
    form = forms.BatchForm(request.POST or None, request.FILES or None, version=version)
    if request.method == "POST" and form.is_valid() and (started := _started(request, version, form)):
        return redirect("batch-test", slug, started.pk)
    rows = version.batches.select_related("job", "created_by").order_by("-created_at")[:RECENT]
    context = {"project": version.model.project, "version": version, "form": form, "batches": rows}
    return render(request, "sandbox/many.html", context, status=422 if form.errors else 200)


@signed_in
@require_safe
def batch(request: AuthedRequest, slug: str, batch_id: str) -> HttpResponse:
    """One test of many rows: how far it is, or what it found."""
    found = _batch(request, slug, batch_id, Action.SEE)
    runs = found.test_runs.select_related("version").order_by("version__number")
    context = {
        "project": found.model.project,
        "batch": found,
        "versions": found.versions.order_by("number"),
        "tests": [(run, BatchTest.from_json(run.document)) for run in runs],
        "may_download": access.may(request.user, found.model.project, Action.TEST_MANY),
        "may_promote": access.may(request.user, found.model.project, Action.PROMOTE),
    }
    return render(request, "sandbox/batch.html", context)


@signed_in
@require_safe
def batch_results(request: AuthedRequest, slug: str, batch_id: str) -> HttpResponseBase:
    """The answers, row by row, as CSV."""
    found = _batch(request, slug, batch_id, Action.TEST_MANY)
    return ranges.attachment(
        request, sha256=batches.results(found), size=found.results_bytes, filename=f"{found.model.name}-{found.pk}.csv",
        media_type="text/csv",
    )  # fmt: skip


def _version(request: AuthedRequest, slug: str, name: str, number: int, needs: Action) -> ModelVersion:
    project = access.project_for(request.user, slug, needs=Action.SEE)
    rows = ModelVersion.objects.select_related("model__project", "run__outcome")
    return access.find(
        rows, request.user, needs=needs, project="model__project", model__project=project, model__name=name,
        number=number,
    )  # fmt: skip


def _batch(request: AuthedRequest, slug: str, batch_id: str, needs: Action) -> Batch:
    project = access.project_for(request.user, slug, needs=Action.SEE)
    rows = Batch.objects.select_related("job", "created_by", "table__dataset")
    return access.find(rows, request.user, needs=needs, project="model__project", model__project=project, pk=batch_id)


def _started(request: AuthedRequest, version: ModelVersion, form: forms.BatchForm) -> Batch | None:
    """The test that the form asks for; a refusal is noted on the form."""
    try:
        return batches.start(
            versions=form.versions(), rows=form.rows(), label=form.cleaned_data["label"], by=request.user, at=now()
        )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return None


def _prefill(request: HttpRequest, version: ModelVersion, schema: ModelSchema) -> dict[str, str]:
    if "random" not in request.GET:
        return forms.typical(schema)
    holdout = story.held_out(version.run)
    row = holdout.row(random.randrange(holdout.height), named=True)  # noqa: S311  any test row will do
    return {name: "" if row[name] is None else str(row[name]) for name in schema.names}


def _page(
    request: AuthedRequest,
    version: ModelVersion,
    schema: ModelSchema,
    values: dict[str, str],
    *,
    start: dict[str, str],
    error: DomainError | None = None,
    run: TestRun | None = None,
    former: SingleTest | None = None,
) -> HttpResponse:
    test = SingleTest.from_json(run.document) if run else None
    errors = {error.field: error.message} if error and error.field else {}
    recent = version.test_runs.select_related("created_by").order_by("-created_at")[:RECENT]
    context = {
        "project": version.model.project,
        "version": version,
        "schema": schema,
        "test": test,
        "run": run,
        "what_if": charts.what_if(former, test) if former and test else None,
        "error": error,
        "inputs": list(forms.inputs(schema, values, errors)),
        "starting": forms.starting(schema, start),
        "has_moved": start != values,
        "recent": recent,
        "waterfall": charts.waterfall(test) if test else None,
    }
    return render(request, "sandbox/single.html", context, status=error.status if error else 200)
