"""The shapes of the registry's endpoints."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.catalogue import BY_TIME, NEWEST, STATES, Entry
from registry.models import (
    Alias,
    Approval,
    Artifact,
    Decision,
    ModelVersion,
    Note,
    Promotion,
    RegisteredModel,
    Tag,
)
from training.orders import MetricField
from training.words import METRICS


class PromotionShape(serializers.ModelSerializer[Promotion]):
    promotion_id = serializers.CharField(source="pk", help_text="Identifier of this ledger row.")
    from_version = serializers.IntegerField(
        source="from_version.number",
        allow_null=True,
        default=None,
        help_text="Number of the version that left production, or null.",
    )
    to_version = serializers.IntegerField(
        source="to_version.number",
        allow_null=True,
        default=None,
        help_text="Number of the version that entered production, or null.",
    )
    by = serializers.CharField(source="by.email", help_text="Who did it.")
    checks = serializers.JSONField(help_text="What was looked at before the move, with results.")
    evidence_test_run_id = serializers.CharField(
        source="evidence_id", allow_null=True, help_text="The test run that was cited, or null."
    )

    class Meta:
        model = Promotion
        fields = [
            "promotion_id",
            "seq",
            "action",
            "from_version",
            "to_version",
            "reason",
            "override",
            "evidence_test_run_id",
            "by",
            "at",
            "checks",
        ]
        extra_kwargs = {
            "seq": {"help_text": "Place in the model's ledger, from 1."},
            "action": {"help_text": "promote, rollback or demote."},
            "override": {"help_text": "Why a closed gate was passed over; empty when it was not."},
            "reason": {"help_text": "Why, in the person's words."},
            "at": {"help_text": "When, UTC."},
        }


class VersionShape(serializers.ModelSerializer[ModelVersion]):
    model_version_id = serializers.CharField(source="pk", help_text="Identifier of the version.")
    run_id = serializers.CharField(help_text="The run it came from.")
    dataset_version_id = serializers.CharField(help_text="The dataset version it was trained on.")
    schema = serializers.JSONField(help_text="The signature: columns, kinds, categories, classes, threshold.")
    tags = serializers.SlugRelatedField[Tag](
        many=True, read_only=True, slug_field="text", help_text="Words to find it by."
    )
    aliases = serializers.SlugRelatedField[Alias](
        many=True, read_only=True, slug_field="name", help_text="Free names of it, such as champion."
    )
    is_pinned = serializers.SerializerMethodField(help_text="Whether it is kept, whatever retention says.")

    class Meta:
        model = ModelVersion
        fields = [
            "model_version_id",
            "number",
            "state",
            "is_production",
            "archived_at",
            "main_metric",
            "main_value",
            "sha256",
            "run_id",
            "dataset_version_id",
            "schema",
            "tags",
            "aliases",
            "is_pinned",
            "created_at",
        ]
        extra_kwargs = {
            "number": {"help_text": "1, 2, 3 … within the model, never reused."},
            "state": {"help_text": "building, ready or failed."},
            "is_production": {"help_text": "Whether this is the one version in production."},
            "archived_at": {"help_text": "When it was put away; such a version cannot be promoted."},
            "main_metric": {"help_text": "The metric people read first."},
            "main_value": {"help_text": "Its value on the test rows."},
            "sha256": {"help_text": "Hash of the stored booster."},
            "created_at": {"help_text": "When, UTC."},
        }

    def get_is_pinned(self, version: ModelVersion) -> bool:
        return hasattr(version, "pin")


class EntryShape(serializers.Serializer[Entry]):
    run_id = serializers.CharField(source="run.pk", help_text="The run.")
    run_number = serializers.IntegerField(source="run.number", help_text="1, 2, 3 … within its project.")
    name = serializers.CharField(source="run.name", help_text="The run's name for people.")
    project = serializers.CharField(source="run.project.slug", help_text="Its project.")
    state = serializers.CharField(source="run.job.state", help_text="queued, running, succeeded, failed or cancelled.")
    model = serializers.CharField(source="run.model_name", help_text="The model that it is for.")
    model_version_id = serializers.CharField(
        source="version.pk", default=None, allow_null=True, help_text="The version that came of it, or null."
    )
    version_number = serializers.IntegerField(
        source="version.number", default=None, allow_null=True, help_text="Its number, or null."
    )
    is_production = serializers.BooleanField(
        source="version.is_production", default=False, help_text="Whether that version is in production."
    )
    tags = serializers.SerializerMethodField(help_text="Words on the version.")
    aliases = serializers.SerializerMethodField(help_text="Free names of the version.")
    dataset_version_id = serializers.CharField(source="run.dataset_version_id", help_text="The table it learnt from.")
    metric = serializers.CharField(help_text="Which test metric `value` is of; empty before there is one.")
    value = serializers.FloatField(allow_null=True, help_text="Its value on the held-back rows, or null.")
    created_by = serializers.CharField(source="run.created_by.email", help_text="Who started the run.")
    created_at = serializers.DateTimeField(source="run.created_at", help_text="When, UTC.")

    def get_tags(self, entry: Entry) -> list[str]:
        return [tag.text for tag in entry.version.tags.all()] if entry.version else []

    def get_aliases(self, entry: Entry) -> list[str]:
        return [alias.name for alias in entry.version.aliases.all()] if entry.version else []


class CatalogueQuery(serializers.Serializer[Any]):
    text = serializers.CharField(required=False, max_length=120, help_text="How the run's name begins, or its model.")
    project = serializers.CharField(required=False, max_length=64, help_text="Only this project.")
    table = serializers.CharField(required=False, max_length=120, help_text="A dataset, with or without its version.")
    creator = serializers.CharField(required=False, max_length=254, help_text="How the person's address begins.")
    tag = serializers.CharField(required=False, max_length=40, help_text="Only versions with this tag.")
    state = serializers.ChoiceField(list(STATES), required=False, help_text="State of the run, or of its version.")
    metric = MetricField(
        list(METRICS), required=False, help_text="Show and bound the test metric of this key, such as auc."
    )
    least = serializers.FloatField(required=False, help_text="At least this value of `metric`.")
    most = serializers.FloatField(required=False, help_text="At most this value of `metric`.")
    since = serializers.DateField(required=False, help_text="Runs from this day on.")
    until = serializers.DateField(required=False, help_text="Runs up to this day.")
    sort = MetricField(
        [*BY_TIME, *(f"{sign}{metric}" for metric in METRICS for sign in ("-", ""))],
        signed=True,
        default=NEWEST,
        help_text="newest, oldest, or a test metric, with a minus from the largest.",
    )


class ApprovalShape(serializers.ModelSerializer[Approval]):
    approval_id = serializers.CharField(source="pk", help_text="Identifier of the step.")
    by = serializers.CharField(source="by.email", help_text="Who took it.")

    class Meta:
        model = Approval
        fields = ["approval_id", "seq", "decision", "reason", "by", "at"]
        extra_kwargs = {
            "seq": {"help_text": "Place among the steps of the version, from 1."},
            "decision": {"help_text": "requested, approved or rejected."},
            "reason": {"help_text": "Why, in the person's words."},
            "at": {"help_text": "When, UTC."},
        }


class ApprovalRequest(serializers.Serializer[dict[str, object]]):
    decision = serializers.ChoiceField(Decision.values, help_text="requested to ask, approved or rejected to answer.")
    reason = serializers.CharField(help_text="Why, at least 10 characters.")


class NoteShape(serializers.ModelSerializer[Note]):
    by = serializers.CharField(source="by.email", read_only=True, help_text="Who left it.")

    class Meta:
        model = Note
        fields = ["text", "by", "at"]
        read_only_fields = ["at"]
        extra_kwargs = {"text": {"help_text": "What it says."}, "at": {"help_text": "When, UTC."}}


class AliasRequest(serializers.Serializer[dict[str, object]]):
    version_id = serializers.CharField(help_text="The version that the name shall mean.")


class NodeShape(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="table, chart (a run), box (a version), shield (a move) or flask (a test).")
    title = serializers.CharField(help_text="What it is called.")
    detail = serializers.CharField(help_text="Its hash, name, state or reason.")
    url = serializers.CharField(help_text="Its page.")
    comes_from = serializers.CharField(
        source="parent", help_text="The title of what it came from; empty for the table."
    )
    by = serializers.CharField(help_text="Who.")
    at = serializers.DateTimeField(help_text="When, UTC.")


class ModelShape(serializers.ModelSerializer[RegisteredModel]):
    model_id = serializers.CharField(source="pk", help_text="Identifier of the model.")
    production = serializers.SerializerMethodField(help_text="The version in production, or null.")

    class Meta:
        model = RegisteredModel
        fields = ["model_id", "name", "task", "target", "revision", "production", "created_at"]
        extra_kwargs = {
            "name": {"help_text": "The model's name in its project."},
            "task": {"help_text": "binary, multiclass or regression."},
            "target": {"help_text": "The column it predicts."},
            "revision": {"help_text": "Grows with every move of production; also the ETag for If-Match."},
            "created_at": {"help_text": "When, UTC."},
        }

    @extend_schema_field(VersionShape(allow_null=True))
    def get_production(self, model: RegisteredModel) -> dict[str, object] | None:
        current = next((each for each in model.versions.all() if each.is_production), None)
        return VersionShape(current).data if current else None


class ArtifactShape(serializers.ModelSerializer[Artifact]):
    artifact_id = serializers.CharField(source="pk", help_text="Identifier of the file.")
    parity = serializers.JSONField(help_text="How it was proved to answer like the booster.")

    class Meta:
        model = Artifact
        fields = [
            "artifact_id",
            "format",
            "filename",
            "media_type",
            "size_bytes",
            "sha256",
            "parity",
            "usage",
            "created_at",
        ]
        extra_kwargs = {
            "format": {"help_text": "native, onnx, wheel, tflite, torchscript or joblib; bundle is the zip."},
            "filename": {"help_text": "Name of the file when downloaded."},
            "media_type": {"help_text": "Its media type."},
            "size_bytes": {"help_text": "Its size in bytes."},
            "sha256": {"help_text": "Its hash."},
            "usage": {"help_text": "Plain text: how to use it."},
            "created_at": {"help_text": "When, UTC."},
        }


class PromotionRequest(serializers.Serializer[dict[str, object]]):
    version_id = serializers.CharField(help_text="The version to put into production.")
    reason = serializers.CharField(help_text="Why, at least 10 characters.")
    evidence_test_run_id = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="The test run of this version that speaks for it."
    )
    override = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="Why a closed gate is passed over; it is kept."
    )


class RollbackRequest(serializers.Serializer[dict[str, object]]):
    reason = serializers.CharField(help_text="Why, at least 10 characters.")


class LinkRequest(serializers.Serializer[dict[str, object]]):
    ttl_seconds = serializers.IntegerField(
        required=False, min_value=1, help_text="Life of the link; the server's setting when absent."
    )


class Link(serializers.Serializer[object]):
    url = serializers.CharField(help_text="Address of the file; needs no further sign-in until it expires.")
    expires_at = serializers.DateTimeField(help_text="When the link dies, UTC.")
    sha256 = serializers.CharField(help_text="Hash to compare after the download.")


class Revoked(serializers.Serializer[object]):
    revoked = serializers.IntegerField(help_text="How many open links there were; none of them works any more.")


class FormatShape(serializers.Serializer[object]):
    format = serializers.CharField(help_text="Its key, as in the list of files.")
    name = serializers.CharField(help_text="Its name for people.")
    description = serializers.CharField(help_text="What it is good for.")
    runs_code = serializers.BooleanField(help_text="Whether opening such a file runs code.")
    is_made = serializers.BooleanField(help_text="Whether new versions of the project are made in it.")


class FormatSwitch(serializers.Serializer[dict[str, object]]):
    allowed = serializers.BooleanField(help_text="Whether new versions get this format, and its files may be had.")
