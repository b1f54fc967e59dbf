"""Runs: one attempt each to learn one target from one dataset version, with every event it gave off."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Lower

from accounts.models import Project, User
from datasets.models import DatasetVersion
from fynix import ids
from fynix.queue.models import Job
from training.engine.schema import Task


def run_id() -> str:
    return ids.new("run")


def epoch() -> str:
    return ids.new("ep")


class Run(models.Model):
    """One attempt to learn one target from one dataset version. Its life is its job's.

    `name_key` is the name in lower case, for finding it by its beginning. `main_metric` and its value are copied
    from the report so that lists can sort by them. `epoch` names the numbering of its events and `last_seq` is the
    newest number given. `log_bytes` are the words of its log, which may go, at `log_gone_at`, by fynix.retention.
    Written by runs.py, execution.py and events.py.
    """

    id = models.CharField(primary_key=True, max_length=40, default=run_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    name_key = models.GeneratedField(
        expression=Lower("name"), output_field=models.CharField(max_length=120), db_persist=True
    )
    model_name = models.SlugField(max_length=60)
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="runs")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="run")
    config = models.JSONField()
    target = models.CharField(max_length=255)
    task = models.CharField(max_length=12)
    main_metric = models.CharField(max_length=40, blank=True)
    main_value = models.FloatField(null=True)
    epoch = models.CharField(max_length=40, default=epoch, editable=False)
    last_seq = models.BigIntegerField(default=0)
    log_bytes = models.BigIntegerField(default=0)
    log_gone_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["project", "number"], name="runs_are_numbered_in_their_project"),
            CheckConstraint(condition=Q(config__schema_version=1), name="run_config_version_is_known"),
            CheckConstraint(condition=Q(task__in=list(get_args(Task))), name="run_task_is_known"),
        ]
        indexes = [
            models.Index(fields=["project", "main_metric", "-main_value"], name="run_by_metric"),
            models.Index(fields=["project", "-number"], name="run_by_number"),
            models.Index(fields=["project", "-created_at", "-id"], name="run_by_age"),
            models.Index(
                fields=["project", "name_key"], name="run_by_name", opclasses=["varchar_ops", "varchar_pattern_ops"]
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.number} ({self.pk})"

    @property
    def took(self) -> timedelta | None:
        """How long the last attempt worked; None while it does."""
        begun, ended = self.job.started_at, self.job.finished_at
        return ended - begun if begun and ended else None


class RunEvent(models.Model):
    """One event of a run's feed, numbered without gaps. Written once by events.py, which may take the words of a line
    of the log away later; the database refuses every other change.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.BigIntegerField()
    type = models.CharField(max_length=20)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["run", "seq"], name="run_events_are_numbered")]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.seq} {self.type}"


class RunMetric(models.Model):
    """One test metric of a finished run, copied from its report so that lists can sort and filter by any of them.

    `project` is the run's own, so that one index serves a project's list; `is_own` marks what a person wrote as a
    formula, for the lists of what rows can be ordered by. Written once by execution.py.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=40)
    is_own = models.BooleanField(default=False)
    value = models.FloatField()

    class Meta:
        constraints = [UniqueConstraint(fields=["run", "name"], name="run_has_one_value_of_each_metric")]
        indexes = [
            models.Index(fields=["project", "name", "value", "run"], name="run_metric_by_value"),
            models.Index(fields=["project", "name"], condition=Q(is_own=True), name="run_metric_own"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.run_id}"


class Outcome(models.Model):
    """What a finished run produced: report, narrative and stored model. Written once by execution.py."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="outcome")
    report = models.JSONField()
    narrative = models.JSONField()
    schema = models.JSONField()
    model_sha256 = models.CharField(max_length=64)
    model_bytes = models.BigIntegerField()
    holdout_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(report__schema_version=1, narrative__schema_version=1, schema__schema_version=1),
                name="outcome_document_versions_are_known",
            ),
            CheckConstraint(condition=~Q(model_sha256=""), name="outcome_has_a_model"),
        ]

    def __str__(self) -> str:
        return f"outcome of {self.run_id}"
