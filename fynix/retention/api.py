"""Endpoints about how long a project keeps what can go."""

from datetime import datetime
from typing import Any

from django.urls import path
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access, retention
from accounts.access import Action, person
from accounts.models import Keepsake, Project
from fynix.errors import Invalid
from fynix.retention import expiry


def _days(help_text: str, *, allow_null: bool = True) -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, min_value=retention.LEAST_DAYS, max_value=retention.MOST_DAYS, allow_null=allow_null,
        help_text=help_text,
    )  # fmt: skip


class RetentionRule(serializers.Serializer[Any]):
    file_days = _days("Days from the making of a version until its files go; null: never.")
    result_days = _days("Days from a test of many rows until its answers and the rows sent for it go; null: never.")
    upload_days = _days("Days from the last version made from an uploaded file until the file goes; null: never.")
    log_days = _days("Days from the end of a run until the words of its log go; null: never.")


class Asked(serializers.Serializer[Any]):
    file_days = _days("The rule to try; the project's own when left out.", allow_null=False)
    result_days = _days("The same for answers of tests.", allow_null=False)
    upload_days = _days("The same for uploaded files.", allow_null=False)
    log_days = _days("The same for logs of runs.", allow_null=False)


class RetentionProspect(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(
        source="stored.kind", choices=Keepsake.choices, help_text="What it is: one word of file, result, upload, log."
    )
    id = serializers.CharField(
        source="stored.subject", help_text="Of the version, test, table or run that it belongs to."
    )
    name = serializers.CharField(source="stored.name", help_text="What people call that.")
    files = serializers.IntegerField(source="stored.files", help_text="How many files would go.")
    size_bytes = serializers.IntegerField(source="stored.size_bytes", help_text="What they take.")
    goes_at = serializers.DateTimeField(help_text="When they are old enough.")
    kept = serializers.CharField(help_text="Why they stay all the same; empty: they go.")


# Made so because a class body may not call a field `data`.
RetentionPreview = type(
    "RetentionPreview",
    (serializers.Serializer,),
    {
        "rules": RetentionRule(help_text="The rules that this is by; null: nothing of the kind goes."),
        "soon": serializers.IntegerField(help_text="How many things go within a week."),
        "soon_bytes": serializers.IntegerField(help_text="What that frees."),
        "data": RetentionProspect(many=True, help_text="What can go, the oldest first, at most 500."),
    },
)


class RetentionView(APIView):
    @extend_schema(
        operation_id="retention",
        tags=["projects"],
        responses=RetentionRule,
        summary="How long a project keeps what can go",
    )
    def get(self, request: Request, slug: str) -> Response:
        project = access.project_for(person(request), slug, needs=Action.SEE)
        return Response(_named(retention.days(project)))

    @extend_schema(
        operation_id="retention_set", tags=["projects"], request=RetentionRule, responses=RetentionRule,
        summary="Keep it for so many days",
    )  # fmt: skip
    def put(self, request: Request, slug: str) -> Response:
        """Kinds that are left out stay as they are. Nothing goes within the next seven days: people are told first."""
        project = access.project_for(person(request), slug, needs=Action.ADMINISTER)
        sent = RetentionRule(data=request.data)
        sent.is_valid(raise_exception=True)
        asked = _kinds(sent.validated_data)
        if not asked:
            raise Invalid(_("Say for one kind at least how many days it is kept."))
        retention.set_days(project, asked, by=person(request), at=now())
        return Response(_named(retention.days(project)))


class PreviewView(APIView):
    @extend_schema(
        operation_id="retention_preview", tags=["projects"], parameters=[Asked], responses=RetentionPreview,
        summary="What rules would take",
    )  # fmt: skip
    def get(self, request: Request, slug: str) -> Response:
        """Changes nothing."""
        project = access.project_for(person(request), slug, needs=Action.SEE)
        asked = Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(_preview(project, retention.days(project) | _kinds(asked.validated_data), at=now()))


def _kinds(sent: dict[str, int | None]) -> dict[Keepsake, int | None]:
    return {kind: sent[retention.field(kind)] for kind in Keepsake if retention.field(kind) in sent}


def _named(days: retention.Days) -> dict[str, int | None]:
    return {retention.field(kind): life for kind, life in days.items()}


def _preview(project: Project, days: retention.Days, *, at: datetime) -> dict[str, object]:
    rows = expiry.prospects(project, days=days)
    soon = expiry.within_a_week(rows, at=at)
    return {
        "rules": _named(days),
        "soon": len(soon),
        "soon_bytes": expiry.size(soon),
        "data": RetentionProspect(rows[: expiry.MOST_ROWS], many=True).data,
    }


urlpatterns = [
    path("projects/<slug:slug>/retention", RetentionView.as_view(), name="api-retention"),
    path("projects/<slug:slug>/retention/preview", PreviewView.as_view(), name="api-retention-preview"),
]
