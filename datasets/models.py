"""Tables that people bring: the upload on its way in, the dataset, its immutable versions and their profiles."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Project, User
from datasets.profiling import Plan
from fynix import ids
from fynix.queue.models import Job


def upload_id() -> str:
    return ids.new("up")


def dataset_id() -> str:
    return ids.new("ds")


def version_id() -> str:
    return ids.new("dv")


def no_plan() -> dict[str, object]:
    return Plan().to_json()


class Treatment(models.TextChoices):
    """What becomes of a column's values. `show` dismisses a flag; every other one confirms it."""

    SHOW = "show", _("No personal data: show them")
    PARTIAL = "partial", _("Show a part, such as j***@e***.com")
    REDACT = "redact", _("Cover them whole")
    HASH = "hash", _("Hash them with the project's key")
    DROP = "drop", _("Leave the column out")


class UploadState(models.TextChoices):
    OPEN = "open", _("Uploading")
    COMPLETED = "completed", _("Completed")
    ABORTED = "aborted", _("Cancelled")
    EXPIRED = "expired", _("Expired")


class Dataset(models.Model):
    """A named table of a project, in numbered versions. Written by uploads.py."""

    id = models.CharField(primary_key=True, max_length=40, default=dataset_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="datasets")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["project", "slug"], name="dataset_slug_is_unique_in_its_project"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"


class Upload(models.Model):
    """A file on its way in, part by part. `sha256` is what the sender says it is. Written by uploads.py.

    `multipart_id` is what the bucket calls an upload whose parts go straight there; empty when they come to us.
    """

    id = models.CharField(primary_key=True, max_length=40, default=upload_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="uploads")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="uploads")
    dataset_name = models.CharField(max_length=120)
    filename = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, blank=True)
    multipart_id = models.CharField(max_length=1024, blank=True)
    size_bytes = models.BigIntegerField()
    part_size_bytes = models.BigIntegerField()
    part_count = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=12, choices=UploadState.choices, default=UploadState.OPEN)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(state__in=UploadState.values), name="upload_state_is_known"),
            CheckConstraint(
                condition=Q(size_bytes__gt=0),
                name="upload_has_bytes",
                violation_error_message=_("This file is empty. Choose a file with a header and rows."),
            ),
            CheckConstraint(condition=Q(part_count__gt=0, part_size_bytes__gt=0), name="upload_has_parts"),
            UniqueConstraint(
                fields=["project", "created_by", "fingerprint", "size_bytes"],
                condition=Q(state=UploadState.OPEN) & ~Q(fingerprint=""),
                name="one_open_upload_per_file",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.pk})"


class UploadPart(models.Model):
    """A part whose bytes are safely on disk, or in the bucket: then without a hash. Written by parts.py."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["upload", "number"], name="upload_part_is_stored_once"),
            CheckConstraint(condition=Q(number__gte=1), name="upload_parts_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.upload_id} part {self.number}"


class DatasetVersion(models.Model):
    """One immutable state of a table. `sha256` names the file as it came, `table_sha256` the typed Parquet,
    `leftover_sha256` the lines that were left out of it, of which `lines_bytes` are what stands in them. The file as it
    came may go, at `file_gone_at`, by fynix.retention; its hash stays. What stands in the lines goes with it.

    `plan` is one profiling.Plan: what people decided about its reading. A version with a `parent` was made from
    the same file as that one, by another plan. Its readiness is the state of its job. Written by versions.py and
    profiles.py.
    """

    id = models.CharField(primary_key=True, max_length=40, default=version_id, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    upload = models.OneToOneField(Upload, null=True, on_delete=models.PROTECT, related_name="version")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="derived")
    plan = models.JSONField(default=no_plan)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="dataset_version")
    filename = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    table_sha256 = models.CharField(max_length=64, blank=True)
    table_bytes = models.BigIntegerField(default=0)
    leftover_sha256 = models.CharField(max_length=64, blank=True)
    lines_bytes = models.BigIntegerField(default=0)
    file_gone_at = models.DateTimeField(null=True)
    rows = models.BigIntegerField(null=True)
    columns = models.PositiveIntegerField(null=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["dataset", "number"], name="dataset_versions_are_numbered"),
            CheckConstraint(condition=Q(plan__schema_version=1), name="dataset_version_plan_is_known"),
            CheckConstraint(
                condition=Q(parent__isnull=True) | Q(upload__isnull=True), name="dataset_version_has_one_origin"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} version {self.number} ({self.pk})"

    def get_absolute_url(self) -> str:
        return reverse("dataset-version", args=[self.dataset.project.slug, self.dataset.slug, self.number])

    @property
    def is_derived(self) -> bool:
        """Whether it shares its file with an earlier version, which the project pays for once."""
        return self.parent_id is not None


class Profile(models.Model):
    """What the reading found out: one ProfileDocument. Written by profiles.py."""

    version = models.OneToOneField(DatasetVersion, primary_key=True, on_delete=models.CASCADE, related_name="profile")
    document = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(document__schema_version=1), name="profile_document_version_is_known"),
        ]

    def __str__(self) -> str:
        return f"profile of {self.version_id}"


class PrivacyDecision(models.Model):
    """What somebody decided about personal data in a column; the last one of a column holds. Append-only.

    Written by privacy.py.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="privacy_decisions")
    column = models.TextField()
    treatment = models.CharField(max_length=8, choices=Treatment.choices)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(treatment__in=Treatment.values), name="privacy_treatment_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.treatment}"
