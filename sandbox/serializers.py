"""The shapes of the sandbox's endpoints."""

from typing import Any

from rest_framework import serializers

from sandbox.models import Batch, Source, TestRun


class PredictionRequest(serializers.Serializer[dict[str, object]]):
    inputs = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        help_text="One row: column name to text, number or null. An absent column counts as missing.",
    )


class ContributionShape(serializers.Serializer[object]):
    column = serializers.CharField(help_text="The column's name.")
    value = serializers.CharField(help_text="The value that was sent; empty when missing.")
    amount = serializers.FloatField(help_text="What it added to the margin (SHAP value).")
    note = serializers.CharField(help_text="Says when the value was missing or never seen in training.")


class Prediction(serializers.Serializer[object]):
    test_run_id = serializers.CharField(help_text="The evidence under which this answer is kept.")
    prediction = serializers.JSONField(help_text="The class label, or the number for a regression.")
    probabilities = serializers.DictField(child=serializers.FloatField(), help_text="By class; empty for a regression.")
    explained = serializers.CharField(help_text="The class (or target) whose margin the contributions explain.")
    margin = serializers.FloatField(help_text="The raw score of that class; base value plus all contributions.")
    base_value = serializers.FloatField(help_text="The average raw score in training.")
    contributions = ContributionShape(many=True, help_text="Strongest first.")
    unseen = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Category values that training never saw; they count as missing.",
    )
    latency_ms = serializers.FloatField(help_text="Time in the sandbox, in milliseconds.")


class BatchRequest(serializers.Serializer[Any]):
    rows_from = serializers.ChoiceField(
        Source.values,
        help_text="file (rows_csv, rows or rows_file), holdout (the version's held-back rows) or table "
        "(dataset_version_id).",
    )
    rows_csv = serializers.CharField(
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="The rows as CSV with a header, for rows_from file.",
    )
    rows = serializers.ListField(
        child=serializers.DictField(child=serializers.JSONField(allow_null=True)),
        default=list,
        help_text="The same as objects, for rows_from file: column name to text, number or null.",
    )
    rows_file = serializers.FileField(
        required=False,
        help_text="The same as a file of at most 25 MiB, for rows_from file; then send the request as a form.",
    )
    dataset_version_id = serializers.CharField(
        default="", allow_blank=True, help_text="The table, for rows_from table."
    )
    label_column = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=255,
        help_text="Right answers; empty: the target, when the rows have it.",
    )
    version_ids = serializers.ListField(
        child=serializers.CharField(),
        default=list,
        max_length=5,
        help_text="Further versions that answer the same rows.",
    )


class BatchEvidence(serializers.ModelSerializer[TestRun]):
    test_run_id = serializers.CharField(source="pk", help_text="The evidence under which it is kept.")
    model_version_id = serializers.CharField(source="version_id", help_text="The version that was tested.")
    batch_test_id = serializers.CharField(source="batch_id", help_text="The test it is part of.")
    document = serializers.JSONField(help_text="BatchTest version 1: rows, errors, figures, drift, comparisons.")

    class Meta:
        model = TestRun
        fields = ["test_run_id", "model_version_id", "batch_test_id", "kind", "sha256", "document", "created_at"]
        extra_kwargs = {
            "kind": {"help_text": "batch, or compare when several versions answered."},
            "sha256": {"help_text": "Hash of the document as canonical JSON."},
            "created_at": {"help_text": "When, UTC."},
        }


class BatchShape(serializers.ModelSerializer[Batch]):
    batch_test_id = serializers.CharField(source="pk", help_text="Identifier of the test.")
    task_id = serializers.CharField(source="job_id", help_text="Its background task, for GET /tasks/{id}.")
    rows_from = serializers.CharField(source="source", help_text="file, holdout or table.")
    state = serializers.CharField(source="job.state", help_text="queued, running, succeeded, failed or cancelled.")
    error = serializers.CharField(source="job.error_detail", help_text="Why it failed; empty unless it did.")
    test_runs = BatchEvidence(many=True, read_only=True, help_text="What each version's answers say, once there.")

    class Meta:
        model = Batch
        fields = [
            "batch_test_id", "task_id", "state", "error", "rows_from", "filename", "label", "input_sha256",
            "rows_gone_at", "results_sha256", "results_bytes", "results_gone_at", "test_runs", "created_at",
        ]  # fmt: skip
        extra_kwargs = {
            "filename": {"help_text": "Name of the file, when it was one."},
            "label": {"help_text": "The column with the right answers; empty: the target, when the rows have it."},
            "input_sha256": {"help_text": "Hash of the stored rows."},
            "rows_gone_at": {"help_text": "When rows that were sent went by the project's rule; null: they have not."},
            "results_sha256": {"help_text": "Hash of the results; empty until they are there."},
            "results_bytes": {"help_text": "Their size."},
            "results_gone_at": {"help_text": "When they went by the project's rule; null: they have not."},
            "created_at": {"help_text": "When it was asked for, UTC."},
        }
