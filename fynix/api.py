"""The API's root: every app's endpoints under /api/v1, and the tasks that all of them start."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import Http404
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.timezone import now
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access
from accounts.access import Action
from accounts.models import Project, User
from fynix import openapi, search
from fynix.errors import Conflict
from fynix.queue import jobs
from fynix.queue.models import Job, State
from training import runs
from training.models import Run


class TaskFinished(Conflict):
    code = "task_finished"


class TaskResult(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="dataset_version, run, model_version or test_batch.")
    id = serializers.CharField(help_text="Its id.")
    url = serializers.CharField(help_text="Where it is read.")


class TaskError(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Why it failed, for programs.")
    detail = serializers.CharField(help_text="Why it failed, for people.")
    request_id = serializers.CharField(help_text="The id under which the log holds it.")


class Task(serializers.ModelSerializer[Job]):
    task_id = serializers.CharField(source="pk", help_text="The id of the task.")
    status = serializers.SerializerMethodField(help_text="queued, running, cancelling, succeeded, failed or cancelled.")
    queue_position = serializers.SerializerMethodField(
        help_text="1 for the task of its kind that a worker takes next; null once it has started."
    )
    queue_ahead = serializers.SerializerMethodField(
        help_text="How many tasks of its kind start before it; null once it has started."
    )
    result = serializers.SerializerMethodField(help_text="What it made; null until it succeeded.")
    error = serializers.SerializerMethodField(help_text="Why it failed; null unless it did.")

    class Meta:
        model = Job
        fields = ["task_id", "kind", "status", "stage", "progress", "attempt", "queue_position", "queue_ahead",
                  "created_at", "started_at", "heartbeat_at", "finished_at", "result", "error"]  # fmt: skip
        extra_kwargs = {
            "kind": {"help_text": "profile, train, package or test."},
            "stage": {"help_text": "What is done at the moment."},
            "progress": {"help_text": "0 to 100."},
            "attempt": {"help_text": "How often a worker took it up."},
            "heartbeat_at": {"help_text": "When the worker was last heard."},
        }

    def get_status(self, job: Job) -> str:
        cancelling = job.state == State.RUNNING and job.cancel_requested_at is not None
        return "cancelling" if cancelling else job.state

    def get_queue_position(self, job: Job) -> int | None:
        return jobs.place(job)

    def get_queue_ahead(self, job: Job) -> int | None:
        place = jobs.place(job)
        return None if place is None else place - 1

    @extend_schema_field(TaskResult(allow_null=True))
    def get_result(self, job: Job) -> dict[str, str] | None:
        if job.state != State.SUCCEEDED:
            return None
        kind, route = RESULTS[job.kind]
        return {"type": kind, "id": job.subject, "url": reverse(route, args=[job.subject])}

    @extend_schema_field(TaskError(allow_null=True))
    def get_error(self, job: Job) -> dict[str, str] | None:
        if job.state != State.FAILED:
            return None
        return {"code": job.error_code, "detail": job.error_detail, "request_id": job.request_id}


RESULTS = {
    "profile": ("dataset_version", "api-dataset-version"),
    "train": ("run", "api-run"),
    "package": ("model_version", "api-model-version"),
    "test": ("test_batch", "api-batch-test"),
}
"""Kind of task to the type of what it makes and the route that reads it."""


def _cancel_run(job: Job, by: User, at: datetime) -> None:
    runs.cancel(run=Run.objects.select_related("job", "project").get(job=job), by=by, at=at)


def _cancel(job: Job, by: User, at: datetime) -> None:
    if not jobs.request_cancel(job, at=at):
        raise TaskFinished(gettext("This task has ended already. Nothing is left to cancel."))


CANCEL: dict[str, Callable[[Job, User, datetime], None]] = {"train": _cancel_run}
"""Kinds of task whose own verb knows more about the end than the queue does."""


def _task(request: Request, task_id: str, *, needs: Action | None = None) -> Job:
    """The task, if its project shows it to this person; `needs` None asks what cancelling it takes."""
    user, job = access.person(request), Job.objects.filter(pk=task_id).first()
    project = Project.objects.filter(pk=job.project_id).first() if job else None
    if job is None or project is None:
        raise Http404
    own = Action.CANCEL_OWN if job.user_id == user.pk else Action.CANCEL_ANY
    access.require(user, project, needs or own)
    return job


class TaskView(APIView):
    @extend_schema(operation_id="task", tags=["tasks"], responses=Task, summary="How far a task is")
    def get(self, request: Request, task_id: str) -> Response:
        job = _task(request, task_id, needs=Action.SEE)
        wait = {"Retry-After": "1"} if job.is_open else {}
        return Response(Task(job).data, headers=wait)


class TaskCancelView(APIView):
    @extend_schema(
        operation_id="task_cancel", tags=["tasks"], request=None, responses={202: Task}, summary="Stop a task"
    )
    def post(self, request: Request, task_id: str) -> Response:
        """Repeating it changes nothing. 409 `task_finished` or `run_finished` when it has ended by itself."""
        job = _task(request, task_id)
        if job.state != State.CANCELLED:
            CANCEL.get(job.kind, _cancel)(job, access.person(request), now())
            job.refresh_from_db()
        return Response(Task(job).data, status=202)


class Question(serializers.Serializer[Any]):
    q = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=200, help_text="Part of a name, or a number."
    )
    project = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=60, help_text="The project whose hits come first."
    )


class Hit(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="action, project, dataset, model, version or run.")
    title = serializers.CharField(help_text="Its name.")
    detail = serializers.CharField(help_text="Where it is; may be empty.")
    url = serializers.CharField(help_text="Its page.")


Hits = type("Hits", (serializers.Serializer,), {"data": Hit(many=True, help_text="At most 20, the best first.")})


class SearchView(APIView):
    @extend_schema(
        operation_id="search", tags=["search"], parameters=[Question], responses=Hits,
        summary="Find anything that you may see",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked = Question(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = search.find(access.person(request), asked.validated_data["q"], within=asked.validated_data["project"])
        return Response({"data": Hit(found, many=True).data})


urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", openapi.schema, name="api-schema"),
    path("search", SearchView.as_view(), name="api-search"),
    path("tasks/<str:task_id>", TaskView.as_view(), name="api-task"),
    path("tasks/<str:task_id>/cancel", TaskCancelView.as_view(), name="api-task-cancel"),
    path("", include("accounts.api")),
    path("", include("fynix.retention.api")),
    path("", include("datasets.api")),
    path("", include("training.api")),
    path("", include("registry.api")),
    path("", include("sandbox.api")),
]
