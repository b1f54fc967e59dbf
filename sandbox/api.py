"""Endpoints of the sandbox."""

from typing import Any

from django.http import HttpResponseBase
from django.urls import path
from django.utils.timezone import now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import api_view, parser_classes
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from accounts.access import Action
from datasets import versions
from datasets.uploads import clean_filename
from fynix import ranges
from registry.models import ModelVersion
from sandbox import batches, evidence, pasted
from sandbox.batches import Rows
from sandbox.evidence import SingleTest
from sandbox.models import Batch, Kind, Source, TestRun
from sandbox.serializers import BatchEvidence, BatchRequest, BatchShape, Prediction, PredictionRequest


@extend_schema(
    operation_id="predict",
    tags=["sandbox"],
    request=PredictionRequest,
    responses={200: Prediction},
    summary="Put one row through a version, with an explanation",
)
@api_view(["POST"])
def predictions(request: Request, version_id: str) -> Response:
    """The answer is kept as evidence of the version. 422 names the column that cannot be read."""
    version = access.find(
        ModelVersion.objects.all(), request.user, needs=access.Action.TEST, project="model__project", pk=version_id
    )
    asked = PredictionRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    run = evidence.answer(version=version, inputs=asked.validated_data["inputs"], by=access.person(request), at=now())
    return Response(_shape(run))


KEPT = PolymorphicProxySerializer(
    component_name="TestRun", serializers=[Prediction, BatchEvidence], resource_type_field_name=None
)


@extend_schema(operation_id="test_run", tags=["sandbox"], responses={200: KEPT}, summary="A kept test run")
@api_view(["GET"])
def test_run(request: Request, test_run_id: str) -> Response:
    """A prediction as it was given, or what a test of many rows found for one version."""
    run = access.find(
        TestRun.objects.all(), request.user, needs=access.Action.SEE, project="version__model__project", pk=test_run_id
    )
    return Response(_shape(run) if run.kind == Kind.SINGLE else BatchEvidence(run).data)


@extend_schema(
    operation_id="batch_test",
    tags=["sandbox"],
    request={"application/json": BatchRequest, "multipart/form-data": BatchRequest},
    responses={202: BatchShape},
    summary="Put many rows through one to five versions",
)
@api_view(["POST"])
@parser_classes([JSONParser, MultiPartParser])
def batch_tests(request: Request, version_id: str) -> Response:
    """202 with a task; 413 `rows_too_large`, 429 `too_many_batches`."""
    version = _find(request, version_id, Action.TEST_MANY)
    asked = BatchRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    sent = asked.validated_data
    others = [each for each in dict.fromkeys(sent["version_ids"]) if each != version.pk]
    chosen = [version, *(_find(request, each, Action.TEST_MANY) for each in others)]
    batch = batches.start(
        versions=chosen, rows=_rows(request, version, sent), label=sent["label_column"], by=access.person(request),
        at=now(),
    )  # fmt: skip
    headers = {"Location": f"/api/v1/tasks/{batch.job_id}", "Retry-After": "2"}
    return Response(BatchShape(batch).data, status=202, headers=headers)


@extend_schema(
    operation_id="batch_test_read", tags=["sandbox"], responses={200: BatchShape}, summary="A test of many rows"
)
@api_view(["GET"])
def batch_test(request: Request, batch_id: str) -> Response:
    return Response(BatchShape(_batch(request, batch_id, Action.SEE)).data)


@extend_schema(
    operation_id="batch_test_results",
    tags=["sandbox"],
    responses={(200, "text/csv"): OpenApiTypes.STR},
    summary="The answers of a test, row by row, as CSV",
)
@api_view(["GET"])
def batch_test_results(request: Request, batch_id: str) -> HttpResponseBase:
    """409 `test_not_finished` before they are there, 410 `results_gone` after the project's rule took them."""
    found = _batch(request, batch_id, Action.TEST_MANY)
    return ranges.attachment(
        request,
        sha256=batches.results(found),
        size=found.results_bytes,
        filename=f"{found.pk}.csv",
        media_type="text/csv",
    )


def _find(request: Request, version_id: str, needs: Action) -> ModelVersion:
    rows = ModelVersion.objects.select_related("run__outcome")
    return access.find(rows, request.user, needs=needs, project="model__project", pk=version_id)


def _batch(request: Request, batch_id: str, needs: Action) -> Batch:
    rows = Batch.objects.select_related("job").prefetch_related("test_runs__version")
    return access.find(rows, request.user, needs=needs, project="model__project", pk=batch_id)


def _rows(request: Request, version: ModelVersion, sent: dict[str, Any]) -> Rows:
    if sent["rows_from"] == Source.HOLDOUT:
        return Rows(Source.HOLDOUT, holdout_of=version)
    if sent["rows_from"] == Source.FILE:
        return _sent(sent)
    tables = versions.all_versions().filter(dataset__project=version.model.project)
    found = access.find(
        tables, request.user, needs=Action.TEST_MANY, project="dataset__project", pk=sent["dataset_version_id"]
    )
    return Rows(Source.TABLE, table=found)


def _sent(sent: dict[str, Any]) -> Rows:
    """The rows that came with the request: a file, objects, or CSV."""
    if file := sent.get("rows_file"):
        return Rows(Source.FILE, filename=clean_filename(file.name), data=file.read())
    if sent["rows"]:
        return Rows(Source.FILE, filename=pasted.FILENAME, data=pasted.lines(sent["rows"], field="rows"))
    return Rows(Source.FILE, filename="rows.csv", data=sent["rows_csv"].encode("utf-8", "replace"))


def _shape(run: TestRun) -> dict[str, object]:
    test = SingleTest.from_json(run.document)
    return {
        "test_run_id": run.pk,
        "prediction": test.answer,
        "probabilities": test.probabilities,
        "explained": test.explained,
        "margin": test.margin,
        "base_value": test.bias,
        "contributions": [vars(each) for each in test.contributions],
        "unseen": test.unseen,
        "latency_ms": round(run.latency_ms, 2),
    }


urlpatterns = [
    path("model-versions/<str:version_id>/predictions", predictions, name="api-predictions"),
    path("model-versions/<str:version_id>/batch-tests", batch_tests, name="api-batch-tests"),
    path("batch-tests/<str:batch_id>", batch_test, name="api-batch-test"),
    path("batch-tests/<str:batch_id>/results", batch_test_results, name="api-batch-test-results"),
    path("test-runs/<str:test_run_id>", test_run, name="api-test-run"),
]
