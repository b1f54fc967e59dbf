"""Endpoints about how long a project keeps its files."""

from datetime import datetime
from typing import Any

from django.urls import path
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access, retention
from accounts.access import Action, person
from accounts.models import Project
from fynix.retention import expiry

MOST_ROWS = 500  # of one preview; its sums count all


class RetentionRule(serializers.Serializer[Any]):
    file_days = serializers.IntegerField(
        min_value=retention.LEAST_DAYS, max_value=retention.MOST_DAYS, allow_null=True,
        help_text="Days from the making of a version until its files go; null: never.",
    )  # fmt: skip


class Asked(serializers.Serializer[Any]):
    file_days = serializers.IntegerField(
        required=False, min_value=retention.LEAST_DAYS, max_value=retention.MOST_DAYS,
        help_text="The rule to try; the project's own when left out.",
    )  # fmt: skip


class RetentionProspect(serializers.Serializer[Any]):
    version_id = serializers.CharField(source="version.pk", help_text="The version's id.")
    model = serializers.CharField(source="version.model.name", help_text="The model's name.")
    number = serializers.IntegerField(source="version.number", help_text="The version's number.")
    files = serializers.SerializerMethodField(help_text="How many files would go.")
    size_bytes = serializers.IntegerField(help_text="What they take.")
    goes_at = serializers.DateTimeField(help_text="When they are old enough.")
    kept = serializers.CharField(help_text="Why they stay all the same; empty: they go.")

    def get_files(self, row: expiry.Prospect) -> int:
        return len(row.files)


# Made so because a class body may not call a field `data`.
RetentionPreview = type(
    "RetentionPreview",
    (serializers.Serializer,),
    {
        "file_days": serializers.IntegerField(
            allow_null=True, help_text="The rule that this is by; null: nothing goes."
        ),
        "soon": serializers.IntegerField(help_text="How many versions lose files within a week."),
        "soon_bytes": serializers.IntegerField(help_text="What that frees."),
        "data": RetentionProspect(many=True, help_text="Versions with files, the oldest first, at most 500."),
    },
)


class RetentionView(APIView):
    @extend_schema(
        operation_id="retention",
        tags=["projects"],
        responses=RetentionRule,
        summary="How long a project keeps its files",
    )
    def get(self, request: Request, slug: str) -> Response:
        project = access.project_for(person(request), slug, needs=Action.SEE)
        return Response({"file_days": retention.days(project)})

    @extend_schema(
        operation_id="retention_set", tags=["projects"], request=RetentionRule, responses=RetentionRule,
        summary="Keep files for so many days",
    )  # fmt: skip
    def put(self, request: Request, slug: str) -> Response:
        """Nothing goes within the next seven days: people are told first."""
        project = access.project_for(person(request), slug, needs=Action.ADMINISTER)
        sent = RetentionRule(data=request.data)
        sent.is_valid(raise_exception=True)
        retention.set_days(project, file_days=sent.validated_data["file_days"], by=person(request), at=now())
        return Response({"file_days": retention.days(project)})


class PreviewView(APIView):
    @extend_schema(
        operation_id="retention_preview", tags=["projects"], parameters=[Asked], responses=RetentionPreview,
        summary="What a rule would take",
    )  # fmt: skip
    def get(self, request: Request, slug: str) -> Response:
        """Changes nothing."""
        project = access.project_for(person(request), slug, needs=Action.SEE)
        asked = Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(_preview(project, asked.validated_data.get("file_days", retention.days(project)), at=now()))


def _preview(project: Project, days: int | None, *, at: datetime) -> dict[str, object]:
    rows = expiry.prospects(project, days=days) if days else []
    soon = expiry.within_a_week(rows, at=at)
    return {
        "file_days": days,
        "soon": len(soon),
        "soon_bytes": sum(row.size_bytes for row in soon),
        "data": RetentionProspect(rows[:MOST_ROWS], many=True).data,
    }


urlpatterns = [
    path("projects/<slug:slug>/retention", RetentionView.as_view(), name="api-retention"),
    path("projects/<slug:slug>/retention/preview", PreviewView.as_view(), name="api-retention-preview"),
]
