"""The pages of datasets, and the door where the parts of uploads come in."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Action
from accounts.models import Project, User
from accounts.requests import AuthedRequest, signed_in
from datasets import (
    changes,
    comparison,
    fixes,
    forms,
    leftovers,
    pages,
    parts,
    privacy,
    samples,
    storage,
    unread,
    uploads,
    versions,
)
from datasets.models import Dataset, DatasetVersion, Treatment, Upload
from fynix import problems
from fynix.errors import DomainError, Invalid

DATASETS_A_PAGE = 50


@require_safe
@signed_in
def datasets(request: AuthedRequest, project: str) -> HttpResponse:
    """The project's tables, and the place to bring one."""
    found = access.project_for(request.user, project, needs=Action.SEE)
    page = Paginator(versions.newest_of(found), DATASETS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "datasets/list.html", {**_desk(request, found), "page": page})


@require_safe
@signed_in
def dataset(request: AuthedRequest, project: str, dataset: str) -> HttpResponse:
    """The address without a version leads to the newest one."""
    found = _dataset(request, project, dataset)
    newest = versions.latest(found)
    if newest is None:
        raise Http404
    return redirect(newest)


@require_safe
@signed_in
def dataset_version(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """The profile; while the table is read how far that is; when that failed why."""
    version = _version(_dataset(request, project, dataset), number)
    context = _about(request, version)
    if not versions.ready(version):
        page = "datasets/reading.html" if version.job.is_open else "datasets/failed.html"
        if unread.is_kept(version):
            context |= {"reading_form": _reading_form(version), "goes_at": unread.goes_at(version), "is_kept": True}
        return render(request, page, {**context, "how_form": forms.ReadingForm.for_a_text()})
    return render(request, "datasets/profile.html", {**context, **_profile(request, version)})


@require_safe
@signed_in
def compare(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """What differs between this version and the one of `?against=`, else the one before."""
    version = _version(_dataset(request, project, dataset), number)
    context: dict[str, Any] = {**_about(request, version), "compared": None}
    status = 200
    try:
        against = comparison.other(version, request.GET.get("against", ""))
        if against is not None:
            context |= {"against": against, "compared": comparison.compare(version, against)}
    except comparison.UnknownVersion as error:
        context, status = {**context, "refusal": error.message}, 422
    return render(request, "datasets/compare.html", context, status=status)


@require_POST
@signed_in
def read_again(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """The same file, read as the person says, becomes the next version."""
    version = _with_file(_dataset(request, project, dataset, needs=Action.UPLOAD), number)
    form = _reading_form(version, request.POST)
    if not form.is_valid():
        return render(request, "datasets/read_again.html", {**_about(request, version), "reading_form": form})
    reading = form.cleaned_data["choice"]
    try:
        return redirect(versions.derive(parent=version, reading=reading, by=request.user, at=timezone.now()))
    except versions.NothingChanges as error:
        form.add_error(None, error.message)
        return render(request, "datasets/read_again.html", {**_about(request, version), "reading_form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def leftover(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """The lines that were left out, as a file; a POST gives what stands in them, and is recorded."""
    needs = Action.UNMASK if request.method == "POST" else Action.SEE
    version = _version(_dataset(request, project, dataset, needs=needs), number)
    if request.method == "POST":
        data = leftovers.lines(version=version, by=request.user, at=timezone.now())
    else:
        data = leftovers.reasons(version)
    named = f'attachment; filename="{version.dataset.slug}-v{version.number}-left-out.csv"'
    return HttpResponse(data, content_type="text/csv", headers={"Content-Disposition": named})


@require_POST
@signed_in
def discard(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """A file that could not be read is thrown away."""
    version = _version(_dataset(request, project, dataset, needs=Action.UPLOAD), number)
    unread.discard(version=version, by=request.user, at=timezone.now())
    messages.info(request, _("The file is thrown away, and its room is free again."))
    return redirect(version)


@require_POST
@signed_in
def recipe(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """The same file becomes the next version, with the fixes that were ticked."""
    version = _with_file(_dataset(request, project, dataset, needs=Action.UPLOAD), number)
    offered = {offer.key: offer.step for offer in fixes.offers(versions.document(version))}
    steps = tuple(offered[key] for key in dict.fromkeys(request.POST.getlist("fix")) if key in offered)
    if not steps:
        messages.info(request, _("Tick at least one fix."))
        return redirect(version)
    return redirect(versions.derive(parent=version, steps=steps, by=request.user, at=timezone.now()))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def column_change(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """What a column would become and what that costs; a POST makes the version."""
    version = _with_file(_dataset(request, project, dataset, needs=Action.UPLOAD), number)
    document, sent = versions.document(version), request.POST or request.GET
    names = [column.name for column in document.columns]
    form = forms.ColumnChangeForm(sent if "to" in sent else None, names=names, initial=request.GET.dict())
    change = None
    if form.is_valid():
        try:
            change = changes.look(version=version, document=document, **form.cleaned_data)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
    if change and request.method == "POST":
        return redirect(versions.derive(parent=version, steps=change.steps, by=request.user, at=timezone.now()))
    context = {**_about(request, version), "form": form, "change": change}
    return render(request, "datasets/column_change.html", context, status=422 if form.errors else 200)


@require_POST
@signed_in
def privacy_apply(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """The same file becomes the next version, with what was decided about personal data."""
    version = _with_file(_dataset(request, project, dataset, needs=Action.UPLOAD), number)
    try:
        return redirect(versions.derive(parent=version, by=request.user, at=timezone.now()))
    except versions.NothingChanges as error:
        messages.info(request, error.message)
        return redirect(version)


@require_POST
@signed_in
def privacy_decide(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """What is to become of one column's values."""
    version = _version(_dataset(request, project, dataset, needs=Action.JUDGE_PRIVACY), number)
    form = forms.PrivacyForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("Choose what is to become of the values of one column."))
    document = versions.document(version)
    privacy.decide(version=version, document=document, by=request.user, at=timezone.now(), **form.cleaned_data)
    messages.info(request, _("Decided about %(column)s.") % {"column": form.cleaned_data["column"]})
    return redirect(version)


@require_POST
@signed_in
def privacy_reveal(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """The first values of one column, unmasked; who looked is recorded."""
    version = _version(_dataset(request, project, dataset, needs=Action.UNMASK), number)
    column = request.POST.get("column", "")
    document = versions.document(version)
    values = privacy.reveal(version=version, document=document, column=column, by=request.user, at=timezone.now())
    context = {**_about(request, version), "column": column, "values": values}
    return render(request, "datasets/revealed.html", context)


@require_POST
@signed_in
def sample_add(request: AuthedRequest, project: str, key: str) -> HttpResponse:
    """One click: the sample's dataset is there, and this is its profile."""
    found = access.project_for(request.user, project, needs=Action.UPLOAD)
    return redirect(samples.add(project=found, key=key, by=request.user, at=timezone.now()))


@csrf_exempt  # the signature in the address names the person, and the right to send this part
@require_http_methods(["PUT"])
def upload_part(request: HttpRequest, upload: str, number: int) -> HttpResponse:
    """One part's bytes, by a signed address. Refusals are problems, as in the API."""
    at, query, headers = timezone.now(), request.GET, request.headers
    user, expires, signature = (query.get(name, "") for name in "ues")
    try:
        storage.check_url(upload, number, user=user, expires=expires, signature=signature, at=at)
        row = Upload.objects.select_related("project").filter(pk=upload).first()
        if row is None or not access.may(User.objects.get(pk=user), row.project, Action.UPLOAD):
            raise storage.SignatureInvalid(_("This address is no longer yours: sending to this project needs analyst."))
        sha256 = parts.offered_digest(headers.get("Content-Digest", ""), headers.get("X-Fynix-Sha256", ""))
        length = headers.get("Content-Length", "")
        stored = parts.receive(
            upload=row, number=number, body=request, sha256=sha256, at=at,
            length=int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None,
        )  # fmt: skip
    except DomainError as error:
        return problems.handler(error, {}) or HttpResponse(status=error.status)
    return HttpResponse(status=204, headers={"ETag": f'"{stored}"'})


def _desk(request: AuthedRequest, project: Project) -> dict[str, Any]:
    """What the upload card needs."""
    return {
        "project": project,
        "may_upload": access.may(request.user, project, Action.UPLOAD),
        "may_train": access.may(request.user, project, Action.TRAIN),
        "unfinished": uploads.unfinished(project, request.user),
        "samples": samples.SAMPLES.values(),
        "largest_bytes": uploads.largest(project),
    }


def _dataset(request: AuthedRequest, project: str, slug: str, *, needs: Action = Action.SEE) -> Dataset:
    return access.find(Dataset.objects.all(), request.user, needs=needs, project__slug=project, slug=slug)


def _version(dataset: Dataset, number: int) -> DatasetVersion:
    version = versions.all_versions().filter(dataset=dataset, number=number).first()
    if version is None:
        raise Http404
    return version


def _with_file(dataset: Dataset, number: int) -> DatasetVersion:
    """A version from whose file another one can be made. Raises Http404, versions.FileGone."""
    version = _version(dataset, number)
    versions.require_file(version)
    return version


def _about(request: AuthedRequest, version: DatasetVersion) -> dict[str, Any]:
    """What every page of a version needs."""
    dataset = version.dataset
    return {
        **_desk(request, dataset.project),
        "dataset": dataset,
        "version": version,
        "others": versions.all_versions().filter(dataset=dataset).order_by("-number"),
    }


def _reading_form(version: DatasetVersion, data: QueryDict | None = None) -> forms.ReadingForm:
    """The form that is filled in with what was chosen. Raises NotReady."""
    was = forms.NO_TEXT if unread.is_kept(version) else versions.document(version).reading
    return forms.ReadingForm(data, was=was, chosen=versions.plan(version).reading)


def _profile(request: AuthedRequest, version: DatasetVersion) -> dict[str, Any]:
    form = forms.ColumnFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    document = versions.document(version)
    view = pages.profile_view(
        document, find=chosen.get("q", ""), order=chosen.get("sort", ""), page=request.GET.get("page")
    )
    project = version.dataset.project
    return {
        "form": form,
        "view": view,
        "fixes": fixes.offers(document),
        "done": fixes.told(versions.plan(version).steps),
        "beside": chosen.get("beside", ""),
        "pairs": pages.together(document, chosen.get("beside", "")),
        "paired": sorted({name for pair in document.associations for name in (pair.first, pair.second)}),
        "reading_form": _reading_form(version),
        "lines_gone": leftovers.gone(version),
        "treatments": Treatment.choices,
        "decisions": privacy.current(version.dataset),
        "pending": versions.pending(version),
        "may_judge": access.may(request.user, project, Action.JUDGE_PRIVACY),
    }
