"""Endpoints about versions: the list of all, tags, pins, notes, names, approvals, lineage."""

from django.urls import path
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access
from accounts.access import Action
from fynix import paging
from registry import approvals, catalogue, labels, lineage
from registry.models import Decision, ModelVersion, RegisteredModel
from registry.serializers import (
    AliasRequest,
    ApprovalRequest,
    ApprovalShape,
    CatalogueQuery,
    EntryShape,
    NodeShape,
    NoteShape,
    VersionShape,
)


class CatalogueView(APIView):
    @extend_schema(
        operation_id="registry",
        tags=["registry"],
        parameters=[paging.Wanted, CatalogueQuery],
        responses=paging.page_of(EntryShape, "EntryPage"),
        summary="Every run of your projects, with the version that came of it",
    )
    def get(self, request: Request) -> Response:
        """Sorted by a metric, the list holds the runs that have it."""
        asked = CatalogueQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wish = catalogue.Wish(**asked.validated_data)
        page = catalogue.page(access.projects_of(request.user), wish, request, cut=paging.page)
        return Response(page.to_json(EntryShape))


class TagView(APIView):
    @extend_schema(
        operation_id="tag", tags=["registry"], request=None, responses=VersionShape, summary="Put a tag on a version"
    )
    def put(self, request: Request, version_id: str, tag: str) -> Response:
        version = _version(request, version_id, Action.LABEL)
        labels.tag(version=version, text=tag, by=access.person(request), at=now())
        return Response(VersionShape(version).data)

    @extend_schema(operation_id="untag", tags=["registry"], responses={204: None}, summary="Take a tag off a version")
    def delete(self, request: Request, version_id: str, tag: str) -> Response:
        labels.untag(version=_version(request, version_id, Action.LABEL), text=tag)
        return Response(status=204)


class PinView(APIView):
    @extend_schema(
        operation_id="pin", tags=["registry"], request=None, responses={204: None}, summary="Keep a version for good"
    )
    def put(self, request: Request, version_id: str) -> Response:
        version = _version(request, version_id, Action.LABEL)
        labels.pin(version=version, by=access.person(request), at=now())
        return Response(status=204)

    @extend_schema(operation_id="unpin", tags=["registry"], responses={204: None}, summary="Let a version go again")
    def delete(self, request: Request, version_id: str) -> Response:
        version = _version(request, version_id, Action.LABEL)
        labels.unpin(version=version, by=access.person(request), at=now())
        return Response(status=204)


class NotesView(APIView):
    @extend_schema(
        operation_id="notes", tags=["registry"], responses=NoteShape(many=True), summary="Notes on a version"
    )
    def get(self, request: Request, version_id: str) -> Response:
        notes = _version(request, version_id, Action.SEE).notes.select_related("by").order_by("-at", "-pk")
        return Response(NoteShape(notes, many=True).data)

    @extend_schema(
        operation_id="note", tags=["registry"], request=NoteShape, responses={201: NoteShape}, summary="Leave a note"
    )
    def post(self, request: Request, version_id: str) -> Response:
        version = _version(request, version_id, Action.PROPOSE)
        asked = NoteShape(data=request.data)
        asked.is_valid(raise_exception=True)
        row = labels.note(version=version, text=asked.validated_data["text"], by=access.person(request), at=now())
        return Response(NoteShape(row).data, status=201)


class ApprovalsView(APIView):
    @extend_schema(
        operation_id="approvals", tags=["registry"], responses=ApprovalShape(many=True), summary="Steps of an approval"
    )
    def get(self, request: Request, version_id: str) -> Response:
        steps = _version(request, version_id, Action.SEE).approvals.select_related("by").order_by("-seq")
        return Response(ApprovalShape(steps, many=True).data)

    @extend_schema(
        operation_id="approve",
        tags=["registry"],
        request=ApprovalRequest,
        responses={201: ApprovalShape},
        summary="Ask for production, or answer",
    )
    def post(self, request: Request, version_id: str) -> Response:
        """Asking needs analyst, answering maintainer; nobody answers what they asked themselves."""
        version = _version(request, version_id, Action.PROPOSE)
        asked = ApprovalRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        decision, reason, person = (
            asked.validated_data["decision"],
            asked.validated_data["reason"],
            access.person(request),
        )
        if decision == Decision.REQUESTED:
            row = approvals.request(version=version, by=person, reason=reason, at=now())
        else:
            access.require(person, version.model.project, Action.PROMOTE)
            approved = decision == Decision.APPROVED
            row = approvals.decide(version=version, approved=approved, by=person, reason=reason, at=now())
        return Response(ApprovalShape(row).data, status=201)


class AliasView(APIView):
    @extend_schema(
        operation_id="alias", tags=["registry"], responses=VersionShape, summary="The version that a name means"
    )
    def get(self, request: Request, model_id: str, alias: str) -> Response:
        """`production` names the version in production."""
        which = {"is_production": True} if alias == labels.PRODUCTION else {"aliases__name": alias}
        version = access.find(
            ModelVersion.objects.all(),
            request.user,
            needs=Action.SEE,
            project="model__project",
            model_id=model_id,
            **which,
        )
        return Response(VersionShape(version).data)

    @extend_schema(
        operation_id="alias_move",
        tags=["registry"],
        request=AliasRequest,
        responses=VersionShape,
        summary="Let a name mean another version",
    )
    def put(self, request: Request, model_id: str, alias: str) -> Response:
        model = access.find(RegisteredModel.objects.all(), request.user, needs=Action.LABEL, pk=model_id)
        asked = AliasRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        version = access.find(
            model.versions.all(), request.user, needs=Action.LABEL, project="model__project",
            pk=asked.validated_data["version_id"],
        )  # fmt: skip
        labels.name(version=version, alias=alias, by=access.person(request), at=now())
        return Response(VersionShape(version).data)

    @extend_schema(operation_id="alias_remove", tags=["registry"], responses={204: None}, summary="Take a name away")
    def delete(self, request: Request, model_id: str, alias: str) -> Response:
        version = access.find(
            ModelVersion.objects.all(), request.user, needs=Action.LABEL, project="model__project",
            model_id=model_id, aliases__name=alias,
        )  # fmt: skip
        labels.unname(version=version, alias=alias, by=access.person(request), at=now())
        return Response(status=204)


class LineageView(APIView):
    @extend_schema(
        operation_id="lineage",
        tags=["registry"],
        responses=NodeShape(many=True),
        summary="Where a version comes from and what became of it",
    )
    def get(self, request: Request, version_id: str) -> Response:
        nodes = lineage.of_version(_version(request, version_id, Action.SEE)).nodes
        return Response(NodeShape(nodes, many=True).data)


def _version(request: Request, version_id: str, needs: Action) -> ModelVersion:
    rows = ModelVersion.objects.select_related("run__created_by", "dataset_version__dataset__project", "created_by")
    return access.find(rows, request.user, needs=needs, project="model__project", pk=version_id)


VERSION = "model-versions/<str:version_id>"

urlpatterns = [
    path("registry", CatalogueView.as_view(), name="api-registry"),
    path(f"{VERSION}/tags/<str:tag>", TagView.as_view(), name="api-tag"),
    path(f"{VERSION}/pin", PinView.as_view(), name="api-pin"),
    path(f"{VERSION}/notes", NotesView.as_view(), name="api-notes"),
    path(f"{VERSION}/approvals", ApprovalsView.as_view(), name="api-approvals"),
    path(f"{VERSION}/lineage", LineageView.as_view(), name="api-lineage"),
    path("models/<str:model_id>/aliases/<slug:alias>", AliasView.as_view(), name="api-alias"),
]
