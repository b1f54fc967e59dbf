"""The training API: runs, their events, their reports, and tickets to their sockets."""

from django.http import Http404, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access, tickets
from accounts.access import Action
from datasets import versions
from fynix import paging
from fynix.queue import jobs
from training import comparison, events, giveaways, papers, runs, serializers, story
from training.models import Run
from training.orders import metric_order
from training.papers.content import ReportNotReady

RUNS = paging.page_of(serializers.RunRow, "RunPage")


class RunsView(APIView):
    @extend_schema(operation_id="train", tags=["runs"], request=serializers.Wish, responses={202: serializers.Started})
    def post(self, request: Request, slug: str) -> Response:
        """Start a training (train). 409 `dataset_not_ready`, 422 `target_invalid`, 429 `too_many_active_runs`."""
        project = access.project_for(request.user, slug, needs=Action.TRAIN)
        wish = serializers.Wish(data=request.data)
        wish.is_valid(raise_exception=True)
        rows = versions.all_versions().filter(dataset__project=project)
        version = access.find(
            rows,
            request.user,
            needs=Action.TRAIN,
            project="dataset__project",
            pk=wish.validated_data["dataset_version_id"],
        )
        run = runs.start(
            project=project, version=version, config=wish.config(), name=wish.validated_data["name"],
            model_name=wish.validated_data["model_name"], by=access.person(request), at=timezone.now(),
        )  # fmt: skip
        headers = {"Location": f"/api/v1/tasks/{run.job_id}", "Retry-After": "2"}
        return Response(serializers.Started(_run(request, run.pk)).data, status=202, headers=headers)

    @extend_schema(
        operation_id="runs_list", tags=["runs"], parameters=[paging.Wanted, serializers.ListQuery], responses=RUNS
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's runs."""
        project = access.project_for(request.user, slug, needs=Action.SEE)
        query = serializers.ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted, sort = query.validated_data.get("state"), query.validated_data["sort"]
        if order := metric_order(sort):
            values = runs.measured(project, sort.lstrip("-"))
            values = values.filter(run__job__state=wanted) if wanted else values
            found = paging.page(values, request, order=order)
            shown = paging.Page([each.run for each in found.rows], found.next_cursor)
        else:
            rows = runs.listed(project)
            rows = rows.filter(job__state=wanted) if wanted else rows
            shown = paging.page(rows, request, order=serializers.ORDERS[sort])
        return Response(shown.to_json(serializers.RunRow))


class ComparisonView(APIView):
    @extend_schema(
        operation_id="runs_comparison",
        tags=["runs"],
        parameters=[serializers.ComparisonQuery],
        responses=serializers.ComparisonShape,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Two to five runs side by side: settings, test metrics and curves. 422 names what cannot be compared."""
        project = access.project_for(request.user, slug, needs=Action.SEE)
        query = serializers.ComparisonQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        told = comparison.compare(comparison.chosen(project, query.validated_data["run"]))
        return Response(serializers.ComparisonShape(told).data)


class RunView(APIView):
    @extend_schema(operation_id="run", tags=["runs"], responses=serializers.RunDetail)
    def get(self, request: Request, run: str) -> Response:
        """One run and what was asked of it."""
        return Response(serializers.RunDetail(_run(request, run)).data)


class CancellationView(APIView):
    @extend_schema(operation_id="run_cancel", tags=["runs"], request=None, responses={202: serializers.RunRow})
    def post(self, request: Request, run: str) -> Response:
        """Stop a run after its current round. 409 `run_finished` when it has ended."""
        row, person = _run(request, run), access.person(request)
        access.require(person, row.project, runs.cancel_needs(row, person))
        runs.cancel(run=row, by=person, at=timezone.now())
        return Response(serializers.RunRow(_run(request, run)).data, status=202)


class EventsView(APIView):
    @extend_schema(
        operation_id="run_events", tags=["runs"], parameters=[serializers.EventsQuery], responses=serializers.EventPage
    )
    def get(self, request: Request, run: str) -> Response:
        """The run's events after a number, for clients that poll instead of opening a socket."""
        row = _run(request, run)
        query = serializers.EventsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        limit = query.validated_data["limit"]
        found = events.stored(row, after=query.validated_data["after_seq"], limit=limit)
        last = max(row.last_seq, found[-1]["seq"] if found else 0)
        more = bool(found) and found[-1]["seq"] < last
        told = {
            "data": found,
            "epoch": row.epoch,
            "last_seq": last,
            "has_more": more,
            "queue_position": jobs.place(row.job),
        }
        return Response(told)


class SnapshotView(APIView):
    @extend_schema(operation_id="run_snapshot", tags=["runs"], responses=serializers.SnapshotShape)
    def get(self, request: Request, run: str) -> Response:
        """The run as it stands: state, stages, curves, insights, and the event number to go on from."""
        return Response(story.snapshot(_run(request, run), now=timezone.now()))


class GiveawaysView(APIView):
    @extend_schema(
        operation_id="dataset_version_giveaways", tags=["datasets"], parameters=[serializers.TargetQuery],
        responses=serializers.GiveawaysAnswer,
    )  # fmt: skip
    def get(self, request: Request, version: str) -> Response:
        """Columns that predict the target almost alone. 409 `profile_not_ready`, 422 `target_invalid`,
        `target_unsuited`, 503 `screening_failed`."""
        rows = versions.all_versions()
        row = access.find(rows, request.user, needs=Action.SEE, project="dataset__project", pk=version)
        query = serializers.TargetQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = giveaways.look(version=row, target=query.validated_data["target"])
        return Response(serializers.GiveawaysAnswer(found).data)


class ReportView(APIView):
    @extend_schema(operation_id="run_report", tags=["runs"], responses=serializers.ReportShape)
    def get(self, request: Request, run: str) -> Response:
        """The report of a run that ended with a model. 409 `report_not_ready` before that."""
        row = _run(request, run)
        outcome = getattr(row, "outcome", None)
        if outcome is None:
            raise ReportNotReady(gettext("This run has no report: it has not ended with a model."))
        facts = {name: getattr(outcome, name) for name in ("report", "narrative", "model_sha256", "model_bytes")}
        return Response({**facts, "signature": outcome.schema})


class ReportFileView(APIView):
    @extend_schema(
        operation_id="run_report_file",
        tags=["runs"],
        responses={(200, writer.content_type.partition(";")[0]): bytes for writer in papers.WRITERS.values()},
    )
    def get(self, request: Request, run: str, form: str) -> HttpResponse:
        """The report as a file to keep: `html`, `pdf` or `md`. 409 `report_not_ready` before the run has a model."""
        row = _run(request, run)
        if form not in papers.WRITERS:
            raise Http404
        return papers.download(row, form)


class TicketView(APIView):
    @extend_schema(operation_id="run_ws_ticket", tags=["runs"], request=None, responses={201: serializers.Ticket})
    def post(self, request: Request, run: str) -> Response:
        """A ticket to the run's socket (WS subscribe), good once within 30 seconds."""
        row = _run(request, run)
        ticket = tickets.issue(user=access.person(request), run=row.pk)
        return Response({"ticket": ticket, "url": f"/ws/v1/runs/{row.pk}/"}, status=201)


def _run(request: Request, identity: str) -> Run:
    rows = runs.placed(Run.objects.select_related("job", "outcome", "created_by", "dataset_version__dataset"))
    return access.find(rows, request.user, needs=Action.SEE, pk=identity)


urlpatterns = [
    path("dataset-versions/<str:version>/giveaways", GiveawaysView.as_view(), name="api-giveaways"),
    path("projects/<slug:slug>/runs", RunsView.as_view(), name="api-runs"),
    path("projects/<slug:slug>/runs/comparison", ComparisonView.as_view(), name="api-run-comparison"),
    path("runs/<str:run>", RunView.as_view(), name="api-run"),
    path("runs/<str:run>/cancellation", CancellationView.as_view(), name="api-run-cancellation"),
    path("runs/<str:run>/events", EventsView.as_view(), name="api-run-events"),
    path("runs/<str:run>/snapshot", SnapshotView.as_view(), name="api-run-snapshot"),
    path("runs/<str:run>/report", ReportView.as_view(), name="api-run-report"),
    path("runs/<str:run>/report/<slug:form>", ReportFileView.as_view(), name="api-run-report-file"),
    path("runs/<str:run>/ws-ticket", TicketView.as_view(), name="api-run-ticket"),
]
