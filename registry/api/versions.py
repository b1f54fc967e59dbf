"""Endpoints of models, versions, files and moves of production."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path, reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from accounts.access import Action
from accounts.models import Project
from fynix import paging
from fynix.errors import DomainError, Invalid
from registry import downloads, formats, promotion
from registry.exporters import EXPORTERS, FORMATS
from registry.models import Artifact, ModelVersion, RegisteredModel
from registry.serializers import (
    ArtifactShape,
    FormatShape,
    FormatSwitch,
    Link,
    LinkRequest,
    ModelShape,
    PromotionRequest,
    PromotionShape,
    Revoked,
    RollbackRequest,
    VersionShape,
)
from training.models import Run

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The model's ETag as you last read it."
)

LONGEST_TAG = 19  # digits that the database's integers hold


class PreconditionRequired(DomainError):
    code = "precondition_required"
    status = 428


def _model(request: Request, model_id: str, needs: Action = Action.SEE) -> RegisteredModel:
    rows = RegisteredModel.objects.prefetch_related("versions__tags", "versions__aliases", "versions__pin")
    return access.find(rows, request.user, needs=needs, pk=model_id)


def _version(request: Request, version_id: str, needs: Action = Action.SEE) -> ModelVersion:
    return access.find(ModelVersion.objects.all(), request.user, needs=needs, project="model__project", pk=version_id)


def _seen(request: Request) -> int:
    tag = request.headers.get("If-Match", "").strip('"')
    if not tag:
        raise PreconditionRequired(_("Send the model's ETag as If-Match, so that nobody's move is overwritten unseen."))
    if not (tag.isdecimal() and len(tag) < LONGEST_TAG):
        raise Invalid(_("If-Match takes the model's ETag as it was sent."), field="If-Match")
    return int(tag)


@extend_schema(
    operation_id="models",
    tags=["registry"],
    parameters=[paging.Wanted],
    responses={200: paging.page_of(ModelShape, "ModelPage")},
    summary="The project's models",
)
@api_view(["GET"])
def models(request: Request, slug: str) -> Response:
    project = access.project_for(request.user, slug, needs=Action.SEE)
    return Response(
        paging.page(
            project.models.prefetch_related("versions__tags", "versions__aliases", "versions__pin"), request
        ).to_json(ModelShape)
    )


@extend_schema(operation_id="model", tags=["registry"], responses={200: ModelShape}, summary="One model, with its ETag")
@api_view(["GET"])
def model(request: Request, model_id: str) -> Response:
    found = _model(request, model_id)
    return Response(ModelShape(found).data, headers={"ETag": f'"{found.revision}"'})


@extend_schema(
    operation_id="model_versions",
    tags=["registry"],
    parameters=[paging.Wanted],
    responses={200: paging.page_of(VersionShape, "VersionPage")},
    summary="The versions of a model",
)
@api_view(["GET"])
def model_versions(request: Request, model_id: str) -> Response:
    rows = _model(request, model_id).versions.select_related("pin").prefetch_related("tags", "aliases")
    return Response(paging.page(rows, request).to_json(VersionShape))


@extend_schema(operation_id="model_version", tags=["registry"], responses={200: VersionShape}, summary="One version")
@api_view(["GET"])
def model_version(request: Request, version_id: str) -> Response:
    return Response(VersionShape(_version(request, version_id)).data)


@extend_schema(
    operation_id="version_artifacts",
    tags=["registry"],
    responses={200: ArtifactShape(many=True)},
    summary="The files of a version",
)
@api_view(["GET"])
def version_artifacts(request: Request, version_id: str) -> Response:
    return _files(_version(request, version_id).artifacts.all())


@extend_schema(
    operation_id="run_artifacts",
    tags=["registry"],
    responses={200: ArtifactShape(many=True)},
    summary="The files that came from a run",
)
@api_view(["GET"])
def run_artifacts(request: Request, run_id: str) -> Response:
    run = access.find(Run.objects.all(), request.user, needs=Action.SEE, pk=run_id)
    return _files(Artifact.objects.filter(version__run=run))


def _files(artifacts: QuerySet[Artifact]) -> Response:
    order = list(FORMATS)
    return Response(ArtifactShape(sorted(artifacts, key=lambda file: order.index(file.format)), many=True).data)


@extend_schema(
    operation_id="download_url",
    tags=["registry"],
    request=LinkRequest,
    responses={201: Link},
    summary="A signed link to a file, for a short time",
)
@api_view(["POST"])
def download_url(request: Request, artifact_id: str) -> Response:
    artifact = access.find(
        Artifact.objects.all(), request.user, needs=Action.DOWNLOAD, project="version__model__project", pk=artifact_id
    )
    asked = LinkRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    link = downloads.grant(
        artifact=artifact, user=access.person(request), seconds=asked.validated_data.get("ttl_seconds"), at=now()
    )
    url = request.build_absolute_uri(reverse("download", args=[downloads.token(link)]))
    return Response({"url": url, "expires_at": link.expires_at, "sha256": artifact.sha256}, status=201)


@extend_schema(
    operation_id="revoke_artifact_links",
    tags=["registry"],
    request=None,
    responses={200: Revoked},
    summary="End every open link to a file",
)
@api_view(["POST"])
def artifact_revocation(request: Request, artifact_id: str) -> Response:
    files = Artifact.objects.filter(pk=artifact_id)
    found = access.find(files, request.user, needs=Action.REVOKE_LINKS, project="version__model__project")
    return _revoke(request, files, found.pk, found.version.model.project)


@extend_schema(
    operation_id="revoke_version_links",
    tags=["registry"],
    request=None,
    responses={200: Revoked},
    summary="End every open link to the files of a version",
)
@api_view(["POST"])
def version_revocation(request: Request, version_id: str) -> Response:
    found = _version(request, version_id, Action.REVOKE_LINKS)
    return _revoke(request, found.artifacts.all(), found.pk, found.model.project)


def _revoke(request: Request, files: QuerySet[Artifact], subject: str, project: Project) -> Response:
    person = access.person(request)
    count = downloads.revoke(artifacts=files, subject=subject, project=project, by=person, at=now())
    return Response({"revoked": count})


@extend_schema(
    operation_id="formats",
    tags=["registry"],
    responses={200: FormatShape(many=True)},
    summary="The formats that new versions are made in",
)
@api_view(["GET"])
def file_formats(request: Request, slug: str) -> Response:
    return Response(_formats(access.project_for(request.user, slug, needs=Action.SEE)))


@extend_schema(
    operation_id="format_switch",
    tags=["registry"],
    request=FormatSwitch,
    responses={200: FormatShape(many=True)},
    summary="Allow a format that runs code, or take that back",
)
@api_view(["PUT"])
def format_switch(request: Request, slug: str, key: str) -> Response:
    project = access.project_for(request.user, slug, needs=Action.ADMINISTER)
    asked = FormatSwitch(data=request.data)
    asked.is_valid(raise_exception=True)
    verb = formats.allow if asked.validated_data["allowed"] else formats.withdraw
    verb(project=project, key=key, by=access.person(request), at=now())
    return Response(_formats(project))


def _formats(project: Project) -> list[dict[str, Any]]:
    offered = formats.offered(project)
    return [
        {
            "format": key,
            "name": exporter.label,
            "description": exporter.description,
            "runs_code": exporter.runs_code,
            "is_made": key in offered,
        }
        for key, exporter in EXPORTERS.items()
    ]


@extend_schema(
    methods=["GET"],
    operation_id="promotions",
    tags=["registry"],
    parameters=[paging.Wanted],
    responses={200: paging.page_of(PromotionShape, "PromotionPage")},
    summary="The production history, newest first",
)
@extend_schema(
    methods=["POST"],
    operation_id="promote",
    tags=["registry"],
    parameters=[IF_MATCH],
    request=PromotionRequest,
    responses={201: PromotionShape},
    summary="Put a version into production",
)
@api_view(["GET", "POST"])
def promotions(request: Request, model_id: str) -> Response:
    """409 names the check that failed, 412 says that production has moved, 428 that If-Match is missing."""
    if request.method == "GET":
        history = _model(request, model_id).promotions.select_related("by", "from_version", "to_version")
        return Response(paging.page(history, request, order=["-seq"]).to_json(PromotionShape))
    found, body = _model(request, model_id, Action.PROMOTE), _read(PromotionRequest, request)
    version = access.find(
        found.versions.all(), request.user, needs=Action.PROMOTE, project="model__project", pk=body["version_id"]
    )
    said = promotion.Said(body["reason"], body["override"], body["evidence_test_run_id"])
    row = promotion.promote(
        version=version, by=access.person(request), said=said, seen_revision=_seen(request), at=now()
    )
    return Response(PromotionShape(row).data, status=201)


@extend_schema(
    operation_id="rollback",
    tags=["registry"],
    parameters=[IF_MATCH],
    request=RollbackRequest,
    responses={201: PromotionShape},
    summary="Put the previous production version back",
)
@api_view(["POST"])
def rollbacks(request: Request, model_id: str) -> Response:
    found, body = _model(request, model_id, Action.ROLL_BACK), _read(RollbackRequest, request)
    row = promotion.rollback(
        model=found, by=access.person(request), reason=body["reason"], seen_revision=_seen(request), at=now()
    )
    return Response(PromotionShape(row).data, status=201)


@extend_schema(
    operation_id="demote",
    tags=["registry"],
    parameters=[IF_MATCH],
    request=RollbackRequest,
    responses={201: PromotionShape},
    summary="Take the version out of production and put none in its place",
)
@api_view(["POST"])
def demotions(request: Request, model_id: str) -> Response:
    found, body = _model(request, model_id, Action.DEMOTE), _read(RollbackRequest, request)
    row = promotion.demote(
        model=found, by=access.person(request), reason=body["reason"], seen_revision=_seen(request), at=now()
    )
    return Response(PromotionShape(row).data, status=201)


def _read(shape: type[PromotionRequest | RollbackRequest], request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


urlpatterns = [
    path("projects/<slug:slug>/models", models, name="api-models"),
    path("models/<str:model_id>", model, name="api-model"),
    path("models/<str:model_id>/versions", model_versions, name="api-model-versions"),
    path("models/<str:model_id>/promotions", promotions, name="api-promotions"),
    path("models/<str:model_id>/rollbacks", rollbacks, name="api-rollbacks"),
    path("models/<str:model_id>/demotions", demotions, name="api-demotions"),
    path("model-versions/<str:version_id>", model_version, name="api-model-version"),
    path("model-versions/<str:version_id>/artifacts", version_artifacts, name="api-version-artifacts"),
    path("runs/<str:run_id>/artifacts", run_artifacts, name="api-run-artifacts"),
    path("artifacts/<str:artifact_id>/download-url", download_url, name="api-download-url"),
    path("artifacts/<str:artifact_id>/revocation", artifact_revocation, name="api-artifact-revocation"),
    path("model-versions/<str:version_id>/revocation", version_revocation, name="api-version-revocation"),
    path("projects/<slug:slug>/formats", file_formats, name="api-formats"),
    path("projects/<slug:slug>/formats/<slug:key>", format_switch, name="api-format"),
]
