"""Test runs: what a version answered to which rows, kept as evidence."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from datasets.models import DatasetVersion
from fynix import ids
from fynix.queue.models import Job
from registry.models import ModelVersion, RegisteredModel


def test_run_id() -> str:
    return ids.new("tr")


def batch_id() -> str:
    return ids.new("tb")


class Kind(models.TextChoices):
    SINGLE = "single", _("One row")
    BATCH = "batch", _("A table")
    COMPARE = "compare", _("Versions compared")


class Source(models.TextChoices):
    FILE = "file", _("A file")
    HOLDOUT = "holdout", _("The held-back rows of the version")
    TABLE = "table", _("A table of the project")


class Batch(models.Model):
    """One to five versions of a model that answer the same rows, as background work. Its life is its job's.

    `input_sha256` names the stored rows; `table` is set when they are a dataset version's, and `rows_bytes` are what
    those of a file take. `results_sha256` names the answers, row by row, as CSV, once there. Rows that were sent and
    answers may go, at `rows_gone_at` and `results_gone_at`, which leaves the evidence. Written by batches.py,
    execution.py and fynix.retention.
    """

    id = models.CharField(primary_key=True, max_length=40, default=batch_id, editable=False)
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="batches")
    versions = models.ManyToManyField(ModelVersion, related_name="batches")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="batch")
    source = models.CharField(max_length=10, choices=Source.choices)
    table = models.ForeignKey(DatasetVersion, null=True, on_delete=models.PROTECT, related_name="+")
    filename = models.CharField(max_length=255, blank=True)
    input_sha256 = models.CharField(max_length=64)
    rows_bytes = models.BigIntegerField(default=0)
    rows_gone_at = models.DateTimeField(null=True)
    label = models.CharField(max_length=255, blank=True)
    results_sha256 = models.CharField(max_length=64, blank=True)
    results_bytes = models.BigIntegerField(default=0)
    results_gone_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(source__in=Source.values), name="batch_source_is_known"),
            CheckConstraint(
                condition=Q(source=Source.TABLE, table__isnull=False)
                | (~Q(source=Source.TABLE) & Q(table__isnull=True)),
                name="batch_names_its_table",
            ),
            CheckConstraint(condition=Q(rows_gone_at__isnull=True) | Q(source=Source.FILE), name="only_sent_rows_go"),
        ]

    def __str__(self) -> str:
        return f"batch of {self.model_id} ({self.pk})"


class TestRun(models.Model):
    """One test of one version: the input's hash, the answer, who asked. Append-only; written by
    evidence.py and execution.py."""

    __test__ = False  # the name is the product's word, not a test case

    id = models.CharField(primary_key=True, max_length=40, default=test_run_id, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="test_runs")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT, related_name="test_runs")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    document = models.JSONField()
    sha256 = models.CharField(max_length=64)
    latency_ms = models.FloatField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(kind__in=Kind.values), name="test_run_kind_is_known"),
            CheckConstraint(condition=Q(document__schema_version=1), name="test_run_document_version_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} test of {self.version_id} ({self.pk})"

    @property
    def title(self) -> str:
        """What kind of test it was."""
        return str(self.get_kind_display())
