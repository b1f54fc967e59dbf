"""Files of versions: which formats are made, downloads by signed link, and ending such links."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.access import Action
from accounts.requests import AuthedRequest, signed_in
from fynix import ranges
from fynix.errors import DomainError
from registry import downloads, formats
from registry.exporters import EXPORTERS
from registry.models import Artifact
from registry.views import found


@signed_in
@require_POST
def download(request: AuthedRequest, artifact_id: str) -> HttpResponse:
    """Make a signed link and follow it."""
    artifact = access.find(
        Artifact.objects.all(), request.user, needs=Action.DOWNLOAD, project="version__model__project", pk=artifact_id
    )
    try:
        link = downloads.grant(artifact=artifact, user=request.user, at=now())
    except DomainError as error:
        return render(request, "registry/link_refused.html", {"error": error}, status=error.status)
    return redirect("download", downloads.token(link))


@signed_in
@require_POST
def revoke_links(request: AuthedRequest, slug: str, name: str, number: int) -> HttpResponse:
    """End every open download link of a version."""
    version = found.version(request, slug, name, number, Action.REVOKE_LINKS)
    downloads.revoke(
        artifacts=version.artifacts.all(), subject=version.pk, project=version.model.project, by=request.user, at=now()
    )
    return redirect("model-version", slug, name, number)


@signed_in
@require_safe
def file_formats(request: AuthedRequest, slug: str) -> HttpResponse:
    """What new versions of the project are made in; the owner switches the formats that run code."""
    project = access.project_for(request.user, slug, needs=Action.SEE)
    consents = formats.consents(project)
    context = {
        "project": project,
        "rows": [(key, exporter, consents.get(key)) for key, exporter in EXPORTERS.items()],
        "may_switch": access.may(request.user, project, Action.ADMINISTER),
    }
    return render(request, "registry/formats.html", context)


@signed_in
@require_POST
def switch_format(request: AuthedRequest, slug: str, key: str) -> HttpResponse:
    """The owner allows a format that runs code, or takes that back."""
    project = access.project_for(request.user, slug, needs=Action.ADMINISTER)
    verb = formats.allow if request.POST.get("allowed") == "yes" else formats.withdraw
    verb(project=project, key=key, by=request.user, at=now())
    return redirect("formats", slug)


@require_safe
def redeem(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file behind a signed link; the link itself is the permission, so no sign-in is asked."""
    try:
        artifact = downloads.redeem(text=token, at=now())
        return ranges.attachment(
            request,
            sha256=artifact.sha256,
            size=artifact.size_bytes,
            filename=artifact.filename,
            media_type=artifact.media_type,
        )
    except DomainError as error:
        return render(request, "registry/link_refused.html", {"error": error}, status=error.status)
