"""The shapes of the training API, in and out."""

from typing import Any, get_args

from django.utils.translation import gettext
from rest_framework import serializers

from training import events, words
from training.engine import RunConfig
from training.engine.config import Recipe
from training.engine.own import OwnMetric
from training.engine.schema import Task
from training.models import Run
from training.orders import MetricField

TASKS, RECIPES = get_args(Task), get_args(Recipe)
STATES = tuple(events.WORDS.values())
ORDERS = {"newest": ("-number",), "oldest": ("number",)}


class OwnWish(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=24, help_text="Letters, digits, spaces and hyphens.")
    formula = serializers.CharField(max_length=400, help_text="One number over all rows; docs/api/runs.md says how.")
    better = serializers.ChoiceField(tuple(words.BETTER), default="lower", help_text="Which way is better.")


class Wish(serializers.Serializer[Any]):
    dataset_version_id = serializers.CharField(
        max_length=40, help_text="The table to learn from; its profile must be ready."
    )
    target = serializers.CharField(max_length=255, help_text="Name of the column to predict.")
    task = serializers.ChoiceField(TASKS, help_text="What kind of answer the target is.")
    recipe = serializers.ChoiceField(RECIPES, default="quick", help_text="How many parameter sets are tried.")
    exclude = serializers.ListField(
        child=serializers.CharField(max_length=255), default=list, help_text="Names of columns the model must not read."
    )
    seed = serializers.IntegerField(
        default=7, min_value=0, max_value=2**31 - 1, help_text="Equal table, settings and seed give equal models."
    )
    test_share = serializers.FloatField(
        default=0.2, min_value=0.05, max_value=0.5, help_text="Share of the rows held out for the final judgement."
    )
    metrics = serializers.ListField(
        child=serializers.CharField(max_length=40), default=list, max_length=50,
        help_text="Further metrics to follow, at most five, such as `mcc` or `lift`; docs/api/runs.md names them.",
    )  # fmt: skip
    own = OwnWish(many=True, default=list, help_text="Metrics of your own, at most three, counted among the five.")
    group = serializers.CharField(
        default="", allow_blank=True, max_length=255,
        help_text="Column whose equal values stay together: no group is learnt from and judged on. Not with `time`.",
    )  # fmt: skip
    time = serializers.CharField(
        default="", allow_blank=True, max_length=255,
        help_text="Column of dates or numbers that orders the rows: the newest judge. Not with `group`.",
    )  # fmt: skip
    parameters = serializers.DictField(default=dict, help_text="XGBoost's own parameters, laid over the recipe's.")
    name = serializers.CharField(
        default="", allow_blank=True, max_length=120, help_text="Name for people; empty: Run and its number."
    )
    model_name = serializers.SlugField(max_length=60, help_text="The model that gets a version from this run.")

    def validate_parameters(self, sent: dict[str, Any]) -> dict[str, Any]:
        if not all(isinstance(v, int | float | str) and not isinstance(v, bool) for v in sent.values()):
            raise serializers.ValidationError(gettext("Values are numbers or words."))
        return sent

    def config(self) -> RunConfig:
        sent = self.validated_data
        own = tuple(OwnMetric(**each) for each in sent["own"])
        return RunConfig(
            target=sent["target"], task=sent["task"], recipe=sent["recipe"], exclude=tuple(sent["exclude"]),
            seed=sent["seed"], test_share=sent["test_share"], parameters=sent["parameters"], own=own,
            metrics=tuple(dict.fromkeys(sent["metrics"])), group=sent["group"], time=sent["time"],
        )  # fmt: skip


class RunRow(serializers.ModelSerializer[Run]):
    run_id = serializers.CharField(source="pk", help_text="Identifier of the run.")
    task_id = serializers.CharField(source="job_id", help_text="Its background task, for GET /tasks/{id}.")
    state = serializers.ChoiceField(STATES, source="job.state", help_text="Where its life is.")
    stage = serializers.CharField(source="job.stage", help_text="What it is doing; empty before it began.")
    progress = serializers.FloatField(source="job.progress", help_text="Share of the run that is done, 0 to 100.")
    attempt = serializers.IntegerField(source="job.attempt", help_text="How often a worker has begun it.")
    dataset_version_id = serializers.CharField(help_text="The table it learns from.")
    queue_position = serializers.IntegerField(
        source="place", allow_null=True, default=None,
        help_text="1 for the waiting run that a worker takes next, null for runs that do not wait.",
    )  # fmt: skip
    created_by = serializers.CharField(source="created_by.email", help_text="Who started it.")
    started_at = serializers.DateTimeField(source="job.started_at", help_text="When a worker last began it, or null.")
    finished_at = serializers.DateTimeField(source="job.finished_at", help_text="When it ended, or null.")
    error = serializers.SerializerMethodField(help_text="Code and sentence of a failed run, else null.")

    class Meta:
        model = Run
        fields = [
            "run_id", "task_id", "number", "name", "model_name", "state", "stage", "progress", "attempt",
            "queue_position", "dataset_version_id", "target", "task", "main_metric", "main_value", "created_by",
            "created_at", "started_at", "finished_at", "log_gone_at", "error",
        ]  # fmt: skip
        extra_kwargs = {
            "number": {"help_text": "1, 2, 3 … within the project."},
            "name": {"help_text": "Its name for people."},
            "model_name": {"help_text": "The model that gets a version from it."},
            "target": {"help_text": "Name of the column it learns to predict."},
            "task": {"help_text": "What kind of answer the target is."},
            "log_gone_at": {"help_text": "When the words of its log went by the project's rule; null: they have not."},
            "main_metric": {"help_text": "The metric people read first; empty until there is one."},
            "main_value": {"help_text": "Its value on the test rows; null until the run has succeeded."},
        }

    def get_error(self, run: Run) -> dict[str, str] | None:
        job = run.job
        return {"code": job.error_code, "message": job.error_detail} if job.error_code else None


class Started(RunRow):
    events_url = serializers.SerializerMethodField(help_text="The run's events over HTTP.")
    ws_ticket_url = serializers.SerializerMethodField(help_text="POST here for a ticket to the socket.")

    class Meta(RunRow.Meta):
        fields = [*RunRow.Meta.fields, "events_url", "ws_ticket_url"]

    def get_events_url(self, run: Run) -> str:
        return f"/api/v1/runs/{run.pk}/events"

    def get_ws_ticket_url(self, run: Run) -> str:
        return f"/api/v1/runs/{run.pk}/ws-ticket"


class MadeVersion(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Identifier of the version.")
    number = serializers.IntegerField(help_text="1, 2, 3 … within its model.")
    state = serializers.ChoiceField(["building", "ready", "failed"], help_text="Whether its files are there.")


class RunDetail(RunRow):
    config = serializers.JSONField(help_text="What was asked for, RunConfig version 1.")
    model_version = MadeVersion(allow_null=True, default=None, help_text="What came of it, or null.")

    class Meta(RunRow.Meta):
        fields = [*RunRow.Meta.fields, "config", "model_version"]


class ListQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(STATES, required=False, help_text="Only runs in this state.")
    sort = MetricField(
        [*ORDERS, *(f"{sign}{metric}" for metric in words.METRICS for sign in ("-", ""))],
        signed=True,
        default="newest",
        help_text="Order of the list: newest, oldest, or a test metric by its key, with a minus from the largest. "
        "Sorted by a metric, the list holds the runs that have it.",
    )


class ComparisonQuery(serializers.Serializer[Any]):
    run = serializers.ListField(
        child=serializers.CharField(max_length=20),
        default=list,
        help_text="Numbers of two to five runs, one `run=` each.",
    )


class SettingShape(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The field of a wish for a run, or a parameter by XGBoost's own name.")
    values = serializers.ListField(
        child=serializers.JSONField(), source="asked", help_text="What each run had for it, null where it was not set."
    )
    differs = serializers.BooleanField(help_text="Whether the runs were asked for different things.")


class ScoreShape(serializers.Serializer[Any]):
    value = serializers.FloatField(help_text="The score on the test rows.")
    low = serializers.FloatField(allow_null=True, help_text="Lower end of its 95 % interval, or null.")
    high = serializers.FloatField(allow_null=True, help_text="Upper end of its 95 % interval, or null.")


class ResultShape(serializers.Serializer[Any]):
    metric = serializers.CharField(help_text="The test metric.")
    scores = serializers.ListField(
        child=ScoreShape(allow_null=True), help_text="Each run's score, null where it has none."
    )
    best = serializers.IntegerField(
        allow_null=True, help_text="Place of the best run in `runs`, counted from 0; null where all are equal."
    )


class TraceShape(serializers.Serializer[Any]):
    steps = serializers.ListField(
        child=serializers.IntegerField(), source="curves.steps", help_text="Rounds, counted from 1."
    )
    values = serializers.DictField(
        source="curves.values", help_text="Metric name to one value per step; null where it was not finite."
    )


class ComparisonShape(serializers.Serializer[Any]):
    runs = RunRow(many=True, help_text="The runs, oldest first; every list below has this order.")
    settings = SettingShape(many=True, help_text="What was asked of them, the differences first.")
    results = ResultShape(many=True, help_text="Their test metrics.")
    curves = TraceShape(many=True, source="traces", help_text="What each run followed, round by round.")


class EventsQuery(serializers.Serializer[Any]):
    after_seq = serializers.IntegerField(default=0, min_value=0, help_text="Only events with a higher number.")
    limit = serializers.IntegerField(default=200, min_value=1, max_value=1000, help_text="Events in one answer.")


# `data` is a name of the serializer's own, which a class statement may not give another type
EventPage = type(
    "EventPage",
    (serializers.Serializer,),
    {
        "data": serializers.ListField(child=serializers.DictField(), help_text="Events in order; see docs/events.md."),
        "epoch": serializers.CharField(help_text="Names the numbering; another epoch means: start over."),
        "last_seq": serializers.IntegerField(help_text="The newest number of the run."),
        "has_more": serializers.BooleanField(help_text="Whether later events were left out by the limit."),
        "queue_position": serializers.IntegerField(
            allow_null=True, help_text="1 for the waiting run that a worker takes next, null for runs that do not wait."
        ),
    },
)


class StageShape(serializers.Serializer[Any]):
    name = serializers.ChoiceField(list(events.STAGES), help_text="The stage.")
    state = serializers.ChoiceField(["waiting", "active", "done", "failed", "stopped"], help_text="Where it stands.")
    seconds = serializers.FloatField(allow_null=True, help_text="How long it took or has taken so far.")


class CurvesShape(serializers.Serializer[Any]):
    candidate = serializers.CharField(help_text="The parameter set that the curves belong to.")
    steps = serializers.ListField(child=serializers.IntegerField(), help_text="Rounds, counted from 1.")
    values = serializers.DictField(help_text="Metric name to one value per step; null where it was not finite.")


class ComparedRun(RunRow):
    curves = CurvesShape(help_text="Every metric that the run followed, round by round.")

    class Meta(RunRow.Meta):
        fields = [*RunRow.Meta.fields, "curves"]


class ClaimShape(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Which detector speaks.")
    severity = serializers.CharField(help_text="problem, warning, good or info.")
    text = serializers.CharField(help_text="The sentence.")
    parts = serializers.ListField(
        child=serializers.DictField(), help_text="The sentence in pieces; a number names its metric and step."
    )
    can_try = serializers.BooleanField(help_text="Whether it proposes a change that a next run can try.")


class SnapshotShape(serializers.Serializer[Any]):
    run = serializers.CharField(help_text="Identifier of the run.")
    epoch = serializers.CharField(help_text="Names the numbering of its events.")
    seq = serializers.IntegerField(help_text="The last event that is part of this snapshot; go on after it.")
    state = serializers.ChoiceField(STATES, help_text="Where its life is.")
    stage = serializers.CharField(help_text="The stage it is in.")
    progress = serializers.FloatField(help_text="Share of the run that is done, 0 to 100.")
    seconds_left = serializers.FloatField(
        allow_null=True, help_text="Roughly what training still takes at its pace so far; null when nobody can tell."
    )
    stages = StageShape(many=True, help_text="Every stage in order.")
    curves = CurvesShape(help_text="The metrics so far.")
    claims = ClaimShape(many=True, help_text="The insights so far.")
    error = serializers.DictField(allow_null=True, help_text="Code and sentence of a failed run.")


class ReportShape(serializers.Serializer[Any]):
    report = serializers.JSONField(help_text="RunReport version 1: sizes, curves, test metrics, importance.")
    narrative = serializers.JSONField(help_text="Narrative version 1: claims whose numbers name their source.")
    signature = serializers.JSONField(help_text="ModelSchema version 1: what the model takes in and gives out.")
    model_sha256 = serializers.CharField(help_text="Hash of the stored model.")
    model_bytes = serializers.IntegerField(help_text="Its size.")


class Ticket(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="Good once, for this run, for 30 seconds.")
    url = serializers.CharField(help_text="Path of the socket; send subprotocols fynix.v1 and ticket.<ticket>.")


class TargetQuery(serializers.Serializer[Any]):
    target = serializers.CharField(trim_whitespace=False, max_length=2000, help_text="The column to predict.")


class GiveawayRow(serializers.Serializer[Any]):
    column = serializers.CharField(source="found.column", help_text="The column that is suspected.")
    verdict = serializers.CharField(
        help_text="certain (very likely a copy or known only afterwards), likely, or where_present: often missing, "
        "exact where it has a value."
    )
    score = serializers.FloatField(source="found.score", help_text="What it reaches alone, over all rows.")
    present = serializers.FloatField(source="found.present", help_text="Share of rows with a value.")
    present_score = serializers.FloatField(source="found.present_score", help_text="What it reaches on those.")


class GiveawaysAnswer(serializers.Serializer[Any]):
    target = serializers.CharField(help_text="The column to predict.")
    task = serializers.CharField(source="screening.task", help_text="binary, multiclass or regression.")
    measure = serializers.CharField(source="screening.measure", help_text="Of the scores: auc, macro_auc or r2.")
    rows = serializers.IntegerField(source="screening.rows", help_text="Rows behind the scores.")
    columns = serializers.IntegerField(source="screening.columns", help_text="Columns that a model would read.")
    looked_at = serializers.SerializerMethodField(help_text="How many of them were looked at, the first in the table.")
    suspected = GiveawayRow(many=True, help_text="Those that predict the target almost alone, the strongest first.")

    def get_looked_at(self, found: Any) -> int:
        return len(found.screening.alone)
