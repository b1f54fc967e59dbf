"""The datasets API: uploads in signed parts, datasets, versions with their profiles, samples."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access
from accounts.access import Action
from accounts.models import Project
from datasets import (
    changes,
    comparison,
    fixes,
    leftovers,
    parts,
    privacy,
    samples,
    serializers,
    unread,
    uploads,
    versions,
)
from datasets.models import Dataset, DatasetVersion, Upload, UploadState
from datasets.profiling import ReadingChoice, Step
from fynix import paging

UPLOAD_ANSWER, ACCEPTED, VERSION = serializers.UploadAnswer, serializers.Accepted, serializers.VersionAnswer
DATASETS = paging.page_of(serializers.DatasetRow, "DatasetPage")
VERSIONS = paging.page_of(serializers.VersionAnswer, "DatasetVersionPage")


class UploadsView(APIView):
    @extend_schema(
        operation_id="upload_init", tags=["uploads"], request=serializers.UploadInit,
        responses={201: UPLOAD_ANSWER, 200: OpenApiResponse(UPLOAD_ANSWER, "The same file is on its way.")},
    )  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """Open an upload: say name and size, get addresses for its parts.

        Refused with 403 `quota_exceeded`, 413 `file_too_large`, 422 `empty_file`, 507 `storage_full`.
        """
        project = access.project_for(request.user, slug, needs=Action.UPLOAD)
        query = serializers.UploadInit(data=request.data)
        query.is_valid(raise_exception=True)
        sent, now = query.validated_data, timezone.now()
        upload, is_new = uploads.begin(
            project=project, by=access.person(request), filename=sent["filename"], size_bytes=sent["size_bytes"],
            fingerprint=sent["fingerprint"], to=_destination(project, sent), at=now,
        )  # fmt: skip
        if upload.multipart_id and not is_new:
            parts.notice(upload=upload, at=now)
        first = parts.missing(upload)[: parts.SIGNED_AT_ONCE]
        signed = parts.sign(upload=upload, numbers=first, by=access.person(request), at=now)
        return Response(UPLOAD_ANSWER(upload, context={"parts": signed}).data, status=201 if is_new else 200)


class UploadView(APIView):
    @extend_schema(operation_id="upload_status", tags=["uploads"], responses=UPLOAD_ANSWER)
    def get(self, request: Request, upload: str) -> Response:
        """How far an upload is. 410 `upload_expired` when its 7 days are over."""
        row = _seen(request, upload)
        if row.state == UploadState.EXPIRED:
            raise uploads.Expired(gettext("This upload was left for 7 days and is gone. Start it again."))
        if row.multipart_id and row.state == UploadState.OPEN:
            parts.notice(upload=row, at=timezone.now())
        return Response(UPLOAD_ANSWER(row).data)

    @extend_schema(operation_id="upload_abort", tags=["uploads"], responses={204: None})
    def delete(self, request: Request, upload: str) -> Response:
        """Give up an upload and free its space. 409 `upload_already_completed` when it became a table."""
        uploads.abort(upload=_upload(request, upload), at=timezone.now())
        return Response(status=204)


class SignView(APIView):
    @extend_schema(
        operation_id="upload_sign_parts", tags=["uploads"], request=serializers.PartNumbers,
        responses=serializers.SignedParts,
    )  # fmt: skip
    def post(self, request: Request, upload: str) -> Response:
        """Addresses for more parts, or fresh ones for parts whose address expired. 409 `upload_not_open`."""
        row = _upload(request, upload)
        query = serializers.PartNumbers(data=request.data)
        query.is_valid(raise_exception=True)
        numbers, by = query.validated_data["numbers"], access.person(request)
        return Response({"parts": parts.sign(upload=row, numbers=numbers, by=by, at=timezone.now())})


class CompleteView(APIView):
    @extend_schema(
        operation_id="upload_complete", tags=["uploads"], request=serializers.UploadComplete,
        responses={202: ACCEPTED},
    )  # fmt: skip
    def post(self, request: Request, upload: str) -> Response:
        """Turn the parts into a dataset version and start reading it; asking again gives the same answer.

        Refused with 409 `parts_missing` (its `numbers` say which) or `upload_not_open`.
        """
        row = _upload(request, upload)
        query = serializers.UploadComplete(data=request.data)
        query.is_valid(raise_exception=True)
        sent = query.validated_data
        reading = ReadingChoice(**sent.get("reading", {}))
        return _accepted(
            uploads.complete(
                upload=row, by=access.person(request), sha256=sent["sha256"], reading=reading, at=timezone.now()
            )
        )  # fmt: skip


class DatasetsView(APIView):
    @extend_schema(operation_id="dataset_list", tags=["datasets"], parameters=[paging.Wanted], responses=DATASETS)
    def get(self, request: Request, slug: str) -> Response:
        """The project's datasets, newest first."""
        project = access.project_for(request.user, slug, needs=Action.SEE)
        page = paging.page(versions.datasets_of(project), request)
        return Response(page.to_json(serializers.DatasetRow))


class DatasetVersionsView(APIView):
    @extend_schema(
        operation_id="dataset_version_list", tags=["datasets"], parameters=[paging.Wanted], responses=VERSIONS
    )
    def get(self, request: Request, dataset: str) -> Response:
        """The versions of one dataset, newest first."""
        row = access.find(Dataset.objects.all(), request.user, needs=Action.SEE, pk=dataset)
        page = paging.page(versions.all_versions().filter(dataset=row), request)
        return Response(page.to_json(VERSION))


class VersionView(APIView):
    @extend_schema(operation_id="dataset_version", tags=["datasets"], responses=VERSION)
    def get(self, request: Request, version: str) -> Response:
        """One version: how far the reading is, then its size and hash."""
        return Response(VERSION(_version(request, version)).data)


class KeptFileView(APIView):
    @extend_schema(operation_id="dataset_version_discard", tags=["datasets"], responses={204: None})
    def delete(self, request: Request, version: str) -> Response:
        """Throw away a file that could not be read. 409 `file_not_kept`, `file_in_use`."""
        row = _version(request, version, needs=Action.UPLOAD)
        unread.discard(version=row, by=access.person(request), at=timezone.now())
        return Response(status=204)


class LeftOutView(APIView):
    @extend_schema(
        operation_id="dataset_version_left_out", tags=["datasets"], responses={(200, "text/csv"): OpenApiTypes.STR}
    )
    def get(self, request: Request, version: str) -> HttpResponse:
        """The lines that were left out of the table, as CSV: number and reason. 409 `no_lines_left_out`."""
        return HttpResponse(leftovers.reasons(_version(request, version)), content_type="text/csv")

    @extend_schema(
        operation_id="dataset_version_left_out_lines", tags=["datasets"], request=None,
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )  # fmt: skip
    def post(self, request: Request, version: str) -> HttpResponse:
        """The same with the lines themselves. Who asked is recorded. 409 `no_lines_left_out`, 410 `lines_gone`."""
        row = _version(request, version, needs=Action.UNMASK)
        data = leftovers.lines(version=row, by=access.person(request), at=timezone.now())
        return HttpResponse(data, content_type="text/csv")


class ProfileView(APIView):
    @extend_schema(
        operation_id="dataset_version_profile", tags=["datasets"],
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "The profile document, see docs/api/uploads.md."),
    )  # fmt: skip
    def get(self, request: Request, version: str) -> Response:
        """What the reading found out about every column. 409 `profile_not_ready`."""
        return Response(versions.document(_version(request, version)).to_json())


class ComparisonView(APIView):
    @extend_schema(
        operation_id="dataset_version_compare", tags=["datasets"], parameters=[serializers.AgainstQuery],
        responses=serializers.ComparisonAnswer,
    )  # fmt: skip
    def get(self, request: Request, version: str) -> Response:
        """What differs between two versions of a dataset. 409 `profile_not_ready`, 422 `unknown_version`."""
        row = _version(request, version)
        query = serializers.AgainstQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        against = comparison.other(row, query.validated_data["against"])
        if against is None:
            raise comparison.UnknownVersion(gettext("This dataset has only one version that has been read."))
        return Response(serializers.ComparisonAnswer(comparison.compare(row, against)).data)


class PreviewView(APIView):
    @extend_schema(
        operation_id="dataset_version_preview", tags=["datasets"], parameters=[serializers.PreviewQuery],
        responses=serializers.Preview,
    )  # fmt: skip
    def get(self, request: Request, version: str) -> Response:
        """The first rows as people see them, personal data masked. 409 `profile_not_ready`."""
        query = serializers.PreviewQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        document = versions.document(_version(request, version))
        masked = [c.name for c in document.columns if c.hides_values]
        rows = document.preview[: query.validated_data["limit"]]
        return Response({"columns": [c.name for c in document.columns], "masked": masked, "rows": rows})


class DerivationsView(APIView):
    @extend_schema(
        operation_id="dataset_version_derive", tags=["datasets"], request=serializers.Derivation,
        responses={202: ACCEPTED},
    )  # fmt: skip
    def post(self, request: Request, version: str) -> Response:
        """Make a new version from the same file: read in another way, mended, or with what was
        decided about personal data.

        The version that is there stays as it is. 409 `profile_not_ready`, 410 `file_gone` once the
        project's rule took the file, 422 `nothing_changes`, `unknown_column`, `unreadable_as_type` when no
        value of a column can be read as the type that a step gives it.
        """
        row = _version(request, version, needs=Action.UPLOAD)
        versions.require_file(row)
        query = serializers.Derivation(data=request.data)
        query.is_valid(raise_exception=True)
        said = query.validated_data["reading"]
        reading = None if said is None else ReadingChoice(**said)
        steps = tuple(Step(**step) for step in query.validated_data["steps"])
        if steps:
            document = versions.document(row)
            fixes.require(document, steps)
            changes.require(version=row, document=document, steps=steps)
        by, at = access.person(request), timezone.now()
        return _accepted(versions.derive(parent=row, reading=reading, steps=steps, by=by, at=at))


class ChangesView(APIView):
    @extend_schema(
        operation_id="dataset_version_change", tags=["datasets"], parameters=[serializers.ChangeQuery],
        responses=serializers.ChangeAnswer,
    )  # fmt: skip
    def get(self, request: Request, version: str) -> Response:
        """What a column would become, and how many values would go missing. Nothing is changed.

        409 `profile_not_ready`, `decision_pending`, 410 `file_gone`, 422 `unknown_column`, `unreadable_as_type`,
        `unsuited_column`, `nothing_changes`.
        """
        row = _version(request, version, needs=Action.UPLOAD)
        versions.require_file(row)
        query = serializers.ChangeQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        change = changes.look(version=row, document=versions.document(row), **query.validated_data)
        return Response(serializers.ChangeAnswer(change).data)


class PrivacyView(APIView):
    @extend_schema(operation_id="privacy_list", tags=["datasets"], responses=serializers.Decisions)
    def get(self, request: Request, version: str) -> Response:
        """What was decided about personal data in the columns of this dataset."""
        row = _version(request, version)
        return Response({"decisions": privacy.current(row.dataset), "pending": sorted(versions.pending(row))})

    @extend_schema(
        operation_id="privacy_decide", tags=["datasets"], request=serializers.Decision,
        responses={201: serializers.Decision},
    )  # fmt: skip
    def post(self, request: Request, version: str) -> Response:
        """Say what is to become of a column's values. What is hidden is hidden at once, in every version.

        Tables are treated when the next version is made. 409 `profile_not_ready`, 422 `unknown_column`.
        """
        row = _version(request, version, needs=Action.JUDGE_PRIVACY)
        query = serializers.Decision(data=request.data)
        query.is_valid(raise_exception=True)
        decision = privacy.decide(
            version=row, document=versions.document(row), by=access.person(request), at=timezone.now(),
            **query.validated_data,
        )  # fmt: skip
        return Response(serializers.Decision(decision).data, status=201)


class RevealView(APIView):
    @extend_schema(
        operation_id="privacy_reveal", tags=["datasets"], request=serializers.Reveal, responses=serializers.Revealed
    )
    def post(self, request: Request, version: str) -> Response:
        """The first values of a column, unmasked. Who asked is recorded. 409 `values_covered`, 422 `unknown_column`."""
        row = _version(request, version, needs=Action.UNMASK)
        query = serializers.Reveal(data=request.data)
        query.is_valid(raise_exception=True)
        column = query.validated_data["column"]
        values = privacy.reveal(
            version=row, document=versions.document(row), column=column, by=access.person(request), at=timezone.now()
        )  # fmt: skip
        return Response({"column": column, "values": values})


class SampleView(APIView):
    @extend_schema(operation_id="sample_add", tags=["datasets"], request=None, responses={202: ACCEPTED})
    def post(self, request: Request, slug: str, key: str) -> Response:
        """Add a bundled table (`churn` or `penguins`) to the project; again gives the one that is there."""
        project = access.project_for(request.user, slug, needs=Action.UPLOAD)
        return _accepted(samples.add(project=project, key=key, by=access.person(request), at=timezone.now()))


def _seen(request: Request, pk: str) -> Upload:
    return access.find(Upload.objects.select_related("dataset"), request.user, needs=Action.SEE, pk=pk)


def _upload(request: Request, pk: str) -> Upload:
    """An upload that the person may send to, complete or give up."""
    row, person = _seen(request, pk), access.person(request)
    access.require(person, row.project, uploads.needs(row, person))
    return row


def _version(request: Request, pk: str, *, needs: Action = Action.SEE) -> DatasetVersion:
    rows = versions.all_versions()
    return access.find(rows, request.user, needs=needs, project="dataset__project", pk=pk)


def _destination(project: Project, sent: dict[str, Any]) -> uploads.Destination:
    if not sent["dataset"]:
        return uploads.Destination(name=uploads.plain(sent["dataset_name"]).strip())
    named = Q(pk=sent["dataset"]) | Q(slug=sent["dataset"])
    dataset = Dataset.objects.filter(named, project=project).first()
    if dataset is None:
        raise Http404
    return uploads.Destination(dataset)


def _accepted(version: DatasetVersion) -> Response:
    headers = {"Location": f"/api/v1/tasks/{version.job_id}", "Retry-After": "1"}
    return Response(ACCEPTED(version).data, status=202, headers=headers)


urlpatterns = [
    path("projects/<slug:slug>/uploads", UploadsView.as_view(), name="api-uploads"),
    path("uploads/<str:upload>", UploadView.as_view(), name="api-upload"),
    path("uploads/<str:upload>/parts/sign", SignView.as_view(), name="api-upload-sign"),
    path("uploads/<str:upload>/complete", CompleteView.as_view(), name="api-upload-complete"),
    path("projects/<slug:slug>/datasets", DatasetsView.as_view(), name="api-datasets"),
    path("datasets/<str:dataset>/versions", DatasetVersionsView.as_view(), name="api-dataset-versions"),
    path("dataset-versions/<str:version>", VersionView.as_view(), name="api-dataset-version"),
    path("dataset-versions/<str:version>/profile", ProfileView.as_view(), name="api-dataset-version-profile"),
    path("dataset-versions/<str:version>/preview", PreviewView.as_view(), name="api-dataset-version-preview"),
    path("dataset-versions/<str:version>/derivations", DerivationsView.as_view(), name="api-dataset-version-derive"),
    path("dataset-versions/<str:version>/column-change", ChangesView.as_view(), name="api-column-change"),
    path("dataset-versions/<str:version>/comparison", ComparisonView.as_view(), name="api-dataset-version-compare"),
    path("dataset-versions/<str:version>/file", KeptFileView.as_view(), name="api-dataset-version-file"),
    path("dataset-versions/<str:version>/left-out", LeftOutView.as_view(), name="api-dataset-version-left-out"),
    path("dataset-versions/<str:version>/privacy", PrivacyView.as_view(), name="api-dataset-version-privacy"),
    path("dataset-versions/<str:version>/reveals", RevealView.as_view(), name="api-dataset-version-reveal"),
    path("projects/<slug:slug>/samples/<slug:key>", SampleView.as_view(), name="api-sample"),
]
