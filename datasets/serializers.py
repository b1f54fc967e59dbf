"""The shapes of the datasets API, in and out."""

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from datasets import parts, words
from datasets.changes import RESULT_OF
from datasets.comparison import Comparison
from datasets.models import Dataset, DatasetVersion, Treatment, Upload
from datasets.profiling import ReadingChoice
from datasets.profiling.plan import ACTIONS, ENCODINGS, QUOTES, RESULTS
from fynix.queue.models import State


class UploadInit(serializers.Serializer[Any]):
    filename = serializers.CharField(max_length=1024, help_text="The file's name, for people. Folders are cut off.")
    size_bytes = serializers.IntegerField(help_text="The file's exact size in bytes.")
    fingerprint = serializers.RegexField(
        r"^[A-Za-z0-9_-]{8,64}$", required=False, default="",
        help_text="Anything that tells this file from others, such as a hash of its ends. With it, the same "
        "file of the same person goes on where it stopped.",
    )  # fmt: skip
    dataset = serializers.CharField(
        required=False,
        default="",
        max_length=60,
        help_text="Slug or id of the dataset that gets a new version.",
    )
    dataset_name = serializers.CharField(
        required=False,
        default="",
        max_length=120,
        help_text="Name of a new dataset; without it, after the file.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["dataset"] and attrs["dataset_name"]:
            raise serializers.ValidationError({"dataset_name": gettext("Send dataset or dataset_name, not both.")})
        return attrs


class PartNumbers(serializers.Serializer[Any]):
    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1), min_length=1, max_length=parts.SIGNED_AT_ONCE,
        help_text="Part numbers, counted from 1; at most 100.",
    )  # fmt: skip


class SignedPart(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Part number, counted from 1.")
    url = serializers.CharField(help_text="PUT the part's bytes here. Works for an hour; ask again after that.")


class SignedParts(serializers.Serializer[Any]):
    parts = SignedPart(many=True, help_text="One address for each number asked for.")


class ReceivedPart(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Part number, counted from 1.")
    size_bytes = serializers.IntegerField(help_text="Its size.")
    sha256 = serializers.CharField(help_text="Its sha256, in hexadecimal; empty in mode s3.")


class UploadAnswer(serializers.Serializer[Upload]):
    upload_id = serializers.CharField(source="pk", help_text="Starts with up_.")
    status = serializers.CharField(source="state", help_text="open, completed, aborted or expired.")
    mode = serializers.SerializerMethodField(help_text="direct: parts go to this server; s3: straight to the store.")
    filename = serializers.CharField(help_text="The name as it is shown.")
    size_bytes = serializers.IntegerField(help_text="Size of the whole file.")
    part_size_bytes = serializers.IntegerField(help_text="Size of every part but the last.")
    part_count = serializers.IntegerField(help_text="How many parts there are.")
    max_parallel = serializers.SerializerMethodField(help_text="How many parts to send at once, at most.")
    received_parts = ReceivedPart(many=True, source="parts.all", help_text="The parts that are safely here.")
    parts = serializers.SerializerMethodField(help_text="Addresses of the first parts that are missing.")
    expires_at = serializers.DateTimeField(help_text="The upload ends then; every part moves it on by 7 days.")

    def get_mode(self, upload: Upload) -> str:
        return "s3" if upload.multipart_id else "direct"

    def get_max_parallel(self, _: Upload) -> int:
        return parts.MAX_PARALLEL

    @extend_schema_field(SignedPart(many=True))
    def get_parts(self, _: Upload) -> list[dict[str, object]]:
        signed: list[dict[str, object]] = self.context.get("parts", [])
        return signed


class Reading(serializers.Serializer[Any]):
    encoding = serializers.ChoiceField(
        ENCODINGS, required=False, allow_null=True, default=None, help_text="The file's encoding; null: we find out."
    )
    delimiter = serializers.CharField(
        max_length=1, trim_whitespace=False, required=False, allow_null=True, default=None,
        help_text="The one sign between cells; null: we find out.",
    )  # fmt: skip
    quote = serializers.ChoiceField(
        QUOTES, required=False, allow_null=True, default=None,
        help_text="The mark around cells: a quotation mark, an apostrophe, or empty for none; null: we find out.",
    )  # fmt: skip
    header = serializers.BooleanField(
        required=False, allow_null=True, default=None,
        help_text="Whether the first record names the columns; null: we find out.",
    )  # fmt: skip
    sheet = serializers.CharField(
        max_length=31, required=False, allow_null=True, default=None,
        help_text="The sheet of a workbook; null: the first with cells in it.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            ReadingChoice(**attrs)
        except ValueError:
            raise serializers.ValidationError({"delimiter": words.NO_DELIMITER}) from None
        return attrs


class RecipeStep(serializers.Serializer[Any]):
    action = serializers.ChoiceField(
        ACTIONS,
        help_text="drop (the column), drop_repeated (rows), impute (median, or a level of its own), merge (spellings), "
        "days_first or months_first (dates that read both ways), retype (say what the column is), encode.",
    )
    column = serializers.CharField(
        trim_whitespace=False, max_length=2000, required=False, allow_null=True, default=None,
        help_text="The column; null for drop_repeated.",
    )  # fmt: skip
    to = serializers.ChoiceField(
        [to for results in RESULTS.values() for to in results], required=False, allow_null=True, default=None,
        help_text="For retype number, boolean, category, datetime, identifier or text; for encode one_hot, frequency, "
        "rare or log; null for every other action.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        allowed = RESULTS.get(attrs["action"], ())
        if allowed and attrs["to"] not in allowed:
            raise serializers.ValidationError(
                {"to": gettext("Send one of: {results}.").format(results=", ".join(allowed))}
            )
        if not allowed and attrs["to"] is not None:
            raise serializers.ValidationError({"to": gettext("This action takes no “to”.")})
        return attrs


class Derivation(serializers.Serializer[Any]):
    steps = RecipeStep(many=True, required=False, default=list, help_text="Fixes to do, in this order.")
    reading = Reading(
        required=False, allow_null=True, default=None, help_text="How to read the file this time; null: as before."
    )


class ChangeQuery(serializers.Serializer[Any]):
    column = serializers.CharField(trim_whitespace=False, max_length=2000, help_text="The column's name.")
    to = serializers.ChoiceField(
        list(RESULT_OF),
        help_text="A type (number, boolean, category, datetime, identifier, text), a date with days_first or "
        "months_first, or an encoding (one_hot, frequency, rare, log).",
    )


class LostValue(serializers.Serializer[Any]):
    value = serializers.CharField(help_text="A value that cannot be read as the type.")
    count = serializers.IntegerField(help_text="Rows with it.")


class ChangeAnswer(serializers.Serializer[Any]):
    column = serializers.CharField(source="column.name", help_text="The column's name.")
    kind = serializers.CharField(source="column.kind", help_text="What it is now.")
    to = serializers.CharField(help_text="What it would become.")
    filled = serializers.IntegerField(help_text="Cells with a value.")
    missing = serializers.IntegerField(help_text="How many of them cannot be read like this and would become missing.")
    examples = LostValue(many=True, help_text="The most frequent of those, at most five; none where values are hidden.")
    columns = serializers.IntegerField(help_text="How many columns would be in its place.")
    steps = RecipeStep(many=True, help_text="The steps to send to derivations to do it.")


class Decision(serializers.Serializer[Any]):
    column = serializers.CharField(trim_whitespace=False, max_length=2000, help_text="The column's name.")
    treatment = serializers.ChoiceField(
        Treatment.values,
        help_text="show (no personal data), partial, redact, hash (with the project's key) or drop.",
    )


class Decisions(serializers.Serializer[Any]):
    decisions = serializers.DictField(
        child=serializers.CharField(), help_text="Column names to what was decided last about them."
    )
    pending = serializers.ListField(
        child=serializers.CharField(), help_text="Columns whose decision this version's table does not hold yet."
    )


class Reveal(serializers.Serializer[Any]):
    column = serializers.CharField(trim_whitespace=False, max_length=2000, help_text="The column's name.")


class Revealed(serializers.Serializer[Any]):
    column = serializers.CharField(help_text="The column's name.")
    values = serializers.ListField(
        child=serializers.CharField(allow_null=True), help_text="Its first 20 values; null is a missing cell."
    )


class UploadComplete(serializers.Serializer[Any]):
    sha256 = serializers.RegexField(
        parts.SHA256, required=False, default="",
        help_text="sha256 of the whole file, in hexadecimal. When given, a file that differs is refused.",
    )  # fmt: skip
    reading = Reading(required=False, help_text="How to read the file; what is left out we find out.")


class Accepted(serializers.Serializer[DatasetVersion]):
    task_id = serializers.CharField(source="job_id", help_text="The task that reads the table.")
    dataset_id = serializers.CharField(help_text="Starts with ds_.")
    dataset_version_id = serializers.CharField(source="pk", help_text="Starts with dv_.")
    number = serializers.IntegerField(help_text="The version's number in its dataset.")
    page = serializers.SerializerMethodField(help_text="Where people see it.")

    def get_page(self, version: DatasetVersion) -> str:
        return version.get_absolute_url()


class DatasetRow(serializers.Serializer[Dataset]):
    dataset_id = serializers.CharField(source="pk", help_text="Starts with ds_.")
    slug = serializers.CharField(help_text="The dataset's name in addresses.")
    name = serializers.CharField(help_text="The dataset's name.")
    latest_version_id = serializers.CharField(source="latest_id", allow_null=True, help_text="Its newest version.")
    created_at = serializers.DateTimeField(help_text="When it was first uploaded.")


class Failure(serializers.Serializer[Any]):
    code = serializers.CharField(source="error_code", help_text="The reason, for programs.")
    detail = serializers.CharField(source="error_detail", help_text="What happened and what to do.")


class VersionAnswer(serializers.Serializer[DatasetVersion]):
    dataset_version_id = serializers.CharField(source="pk", help_text="Starts with dv_.")
    dataset_id = serializers.CharField(help_text="Starts with ds_.")
    number = serializers.IntegerField(help_text="Counted from 1 in its dataset.")
    status = serializers.CharField(
        source="job.state", help_text="queued, running, succeeded (ready to train on), failed or cancelled."
    )
    stage = serializers.CharField(source="job.stage", help_text="What is being done right now.")
    progress = serializers.FloatField(source="job.progress", help_text="0 to 100.")
    task_id = serializers.CharField(source="job_id", help_text="The task that reads the table.")
    parent_version_id = serializers.CharField(
        source="parent_id", allow_null=True, help_text="The version whose file it was made from; null for an upload."
    )
    filename = serializers.CharField(help_text="The file it came from.")
    size_bytes = serializers.IntegerField(help_text="Size of that file.")
    sha256 = serializers.CharField(help_text="Its sha256; empty until it was read.")
    file_gone_at = serializers.DateTimeField(
        allow_null=True, help_text="When the file went by the project's rule; null: it has not."
    )
    rows = serializers.IntegerField(allow_null=True, help_text="Rows; null until it was read.")
    columns = serializers.IntegerField(allow_null=True, help_text="Columns; null until it was read.")
    error = serializers.SerializerMethodField(help_text="Why it could not be read; null otherwise.")
    created_at = serializers.DateTimeField(help_text="When the upload was completed.")

    @extend_schema_field(Failure(allow_null=True))
    def get_error(self, version: DatasetVersion) -> dict[str, str] | None:
        return Failure(version.job).data if version.job.state == State.FAILED else None


class PreviewQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(default=20, min_value=1, max_value=200, help_text="Rows; at most 50 are kept.")


class Preview(serializers.Serializer[Any]):
    columns = serializers.ListField(child=serializers.CharField(), help_text="Column names, in order.")
    masked = serializers.ListField(
        child=serializers.CharField(),
        help_text="Columns whose values are masked because they hold personal data.",
    )
    rows = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_null=True)),
        help_text="The first rows; null is a missing cell.",
    )


class AgainstQuery(serializers.Serializer[Any]):
    against = serializers.RegexField(
        r"^[0-9]{1,9}$", required=False, default="",
        help_text="Number of another version of the same dataset; without it the one before.",
    )  # fmt: skip


class ColumnFigures(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="What the column holds.")
    missing_share = serializers.FloatField(help_text="Share of missing cells, 0 to 1.")
    distinct = serializers.IntegerField(source="distinct.value", help_text="Different values.")
    mean = serializers.FloatField(allow_null=True, help_text="Mean of a number; null where values are hidden.")
    percentiles = serializers.DictField(child=serializers.FloatField(), help_text="Percentiles 1 to 99 of a number.")


class Drifted(serializers.Serializer[Any]):
    index = serializers.FloatField(help_text="Population stability index, earlier against later.")
    limit = serializers.FloatField(help_text="Beyond this the column counts as moved.")
    has_moved = serializers.BooleanField(help_text="Whether it does.")
    rows = serializers.IntegerField(help_text="Rows of the earlier version behind it.")
    now = serializers.IntegerField(help_text="Rows of the later version behind it.")


class ColumnShift(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The column's name.")
    differs = serializers.BooleanField(help_text="Whether type, gaps or values differ.")
    before = ColumnFigures(help_text="In the earlier version.")
    after = ColumnFigures(help_text="In the later version.")
    stability = Drifted(allow_null=True, help_text="How far its values moved; null where that is not measured.")


class ComparisonAnswer(serializers.Serializer[Any]):
    before = VersionAnswer(help_text="The earlier version.")
    after = VersionAnswer(help_text="The later version.")
    added = serializers.SerializerMethodField(help_text="Names of columns that only the later one has.")
    removed = serializers.SerializerMethodField(help_text="Names of columns that only the earlier one has.")
    columns = ColumnShift(source="shifts", many=True, help_text="Columns of both, the most moved first.")

    def get_added(self, found: Comparison) -> list[str]:
        return [column.name for column in found.added]

    def get_removed(self, found: Comparison) -> list[str]:
        return [column.name for column in found.removed]
