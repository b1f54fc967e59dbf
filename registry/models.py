"""Registered models, their numbered versions, the files of each, and the ledger of what was in production."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Project, User
from datasets.models import DatasetVersion
from fynix import ids
from fynix.queue.models import Job
from training.models import Run


def model_id() -> str:
    return ids.new("mdl")


def version_id() -> str:
    return ids.new("mv")


def artifact_id() -> str:
    return ids.new("art")


def promotion_id() -> str:
    return ids.new("pro")


def consent_id() -> str:
    return ids.new("fc")


def grant_id() -> str:
    return ids.new("dl")


class Build(models.TextChoices):
    BUILDING = "building", _("Building")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class Move(models.TextChoices):
    PROMOTE = "promote", _("Promote")
    ROLLBACK = "rollback", _("Roll back")
    DEMOTE = "demote", _("Take out")


class Decision(models.TextChoices):
    REQUESTED = "requested", _("Requested")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")


def approval_id() -> str:
    return ids.new("apr")


class RegisteredModel(models.Model):
    """A question the project has models for: one target, one task, versions 1 to n.

    `revision` grows with every move of production, so that a page can tell whether it is stale.
    Written by versions.py and promotion.py.
    """

    id = models.CharField(primary_key=True, max_length=40, default=model_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="models")
    name = models.SlugField(max_length=60)
    task = models.CharField(max_length=12)
    target = models.CharField(max_length=255)
    revision = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["project", "name"], name="model_name_is_unique_in_its_project"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"


class ModelVersion(models.Model):
    """One immutable version of a model: the run it came from and the stored booster.

    The database refuses changes of its number, model, run and hash, two versions in production, and a
    version in production that is not ready. `is_production` moves only in promotion.py.
    """

    id = models.CharField(primary_key=True, max_length=40, default=version_id, editable=False)
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="model_version")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="model_versions")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="model_version")
    state = models.CharField(max_length=12, choices=Build.choices, default=Build.BUILDING)
    is_production = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    schema = models.JSONField()
    sha256 = models.CharField(max_length=64)
    main_metric = models.CharField(max_length=40)
    main_value = models.FloatField()
    card = models.TextField(blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        permissions = [
            ("promote_modelversion", "May move a version into production"),
            ("rollback_modelversion", "May roll production back"),
            ("demote_modelversion", "May take a version out of production"),
        ]
        constraints = [
            UniqueConstraint(fields=["model", "number"], name="model_versions_are_numbered"),
            UniqueConstraint(
                fields=["model"],
                condition=Q(is_production=True),
                name="one_version_in_production",
                violation_error_message=_("Another version is in production already."),
            ),
            CheckConstraint(condition=Q(state__in=Build.values), name="version_state_is_known"),
            CheckConstraint(
                condition=Q(is_production=False) | Q(state=Build.READY, archived_at__isnull=True),
                name="production_version_is_ready",
                violation_error_message=_("Only a ready version that is not archived can be in production."),
            ),
            CheckConstraint(condition=Q(schema__schema_version=1), name="version_schema_version_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} version {self.number} ({self.pk})"

    @property
    def title(self) -> str:
        return gettext("Version %(n)s") % {"n": self.number}


class Artifact(models.Model):
    """One downloadable file of a version, stored under its hash once proved. Written by packaging.py."""

    id = models.CharField(primary_key=True, max_length=40, default=artifact_id, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="artifacts")
    format = models.CharField(max_length=20)
    filename = models.CharField(max_length=200)
    media_type = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    parity = models.JSONField()
    usage = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["version", "format"], name="version_has_one_artifact_per_format"),
            CheckConstraint(condition=Q(parity__schema_version=1), name="artifact_parity_version_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.version_id} ({self.pk})"

    @property
    def agreement(self) -> str:
        """The proof in one or two sentences."""
        real, made, gap = self.parity["rows"], self.parity["adversarial_rows"], self.parity["max_abs"]
        values = {
            "within": gettext("within %(gap)s") % {"gap": f"{gap:.0e}"} if gap else gettext("to the last digit"),
            "real": f"{real:,}",
            "made": f"{made:,}",
            "runtimes": ", ".join(self.parity["runtimes"]),
        }
        words = gettext(
            "Agrees with the model %(within)s on %(real)s real and %(made)s made-up hard rows, run by %(runtimes)s."
        )
        said = words % values
        missing = ", ".join(self.parity["not_run"])
        if not missing:
            return said
        return f"{said} " + gettext("Not run by %(names)s, which this server does not have.") % {"names": missing}


class Alias(models.Model):
    """A free name for one version of a model, such as “champion”. Written by labels.py.

    Production is no alias: it moves by promotion only, which asks for a reason.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases")
    name = models.SlugField(max_length=40)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["model", "name"], name="alias_names_one_version_of_its_model"),
            CheckConstraint(
                condition=~Q(name="production"),
                name="production_is_no_alias",
                violation_error_message=_("Production moves by promotion, which asks for a reason."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.model_id}"


class Tag(models.Model):
    """A word on a version to find it by. Written by labels.py."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="tags")
    text = models.CharField(max_length=40)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["version", "text"], name="version_has_a_tag_once")]
        indexes = [models.Index(fields=["text"], name="tag_by_text")]

    def __str__(self) -> str:
        return self.text


class Pin(models.Model):
    """The word that a version is to be kept, whatever retention says. Written by labels.py."""

    version = models.OneToOneField(ModelVersion, primary_key=True, on_delete=models.CASCADE, related_name="pin")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"pin on {self.version_id}"


class Note(models.Model):
    """What somebody wants others to know of a version. Append-only; written by labels.py."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=~Q(text=""), name="note_says_something", violation_error_message=_("Write a note.")
            )
        ]

    def __str__(self) -> str:
        return f"note on {self.version_id}"


class Approval(models.Model):
    """One step of asking whether a version may go into production. Append-only; written by approvals.py.

    The newest row of a version says where its question stands.
    """

    id = models.CharField(primary_key=True, max_length=40, default=approval_id, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="approvals")
    seq = models.PositiveIntegerField()
    decision = models.CharField(max_length=10, choices=Decision.choices)
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["version", "seq"], name="approvals_queue_in_single_file"),
            CheckConstraint(condition=Q(decision__in=Decision.values), name="approval_decision_is_known"),
            CheckConstraint(
                condition=~Q(reason=""),
                name="approval_has_a_reason",
                violation_error_message=_("Say why, in a sentence that an auditor will understand."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} {self.version_id} #{self.seq}"


class PromotionRule(models.Model):
    """What a project asks of every promotion beyond the checks; without a row nothing. Written by approvals.py."""

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="promotion_rule")
    needs_approval = models.BooleanField()
    needs_evidence = models.BooleanField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"promotion rule of {self.project_id}"


class Promotion(models.Model):
    """One move of production: from which version to which, by whom, why. Append-only; written by promotion.py.

    The newest row of a model says what is in production; rolling back writes a new row, and taking a version out
    names none that enters. `override` says why a failed gate was passed over; empty when it was not.
    """

    id = models.CharField(primary_key=True, max_length=40, default=promotion_id, editable=False)
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="promotions")
    seq = models.PositiveIntegerField()
    action = models.CharField(max_length=10, choices=Move.choices)
    from_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    to_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    override = models.TextField(blank=True, default="")
    evidence = models.ForeignKey("sandbox.TestRun", null=True, on_delete=models.PROTECT, related_name="promotions")
    checks = models.JSONField()
    request_id = models.CharField(max_length=64, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["model", "seq"], name="promotions_queue_in_single_file"),
            CheckConstraint(condition=Q(action__in=Move.values), name="promotion_action_is_known"),
            CheckConstraint(
                condition=~Q(reason=""),
                name="promotion_has_a_reason",
                violation_error_message=_("Say why, in a sentence that an auditor will understand."),
            ),
            CheckConstraint(
                condition=Q(from_version__isnull=True) | Q(to_version__isnull=True) | ~Q(from_version=F("to_version")),
                name="promotion_changes_the_version",
            ),
            CheckConstraint(
                condition=Q(action=Move.DEMOTE, to_version__isnull=True, from_version__isnull=False)
                | (~Q(action=Move.DEMOTE) & Q(to_version__isnull=False)),
                name="only_a_demotion_names_no_new_version",
            ),
            CheckConstraint(condition=Q(checks__schema_version=1), name="promotion_checks_version_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.model_id} #{self.seq}"


class FormatConsent(models.Model):
    """The owner's word that a project makes files of a format that runs code when opened. Written by formats.py.

    Withdrawing ends the row; saying yes again writes a new one.
    """

    id = models.CharField(primary_key=True, max_length=40, default=consent_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="format_consents")
    format = models.CharField(max_length=20)
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["project", "format"], condition=Q(withdrawn_at__isnull=True), name="format_is_allowed_once"
            ),
            CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="consent_is_withdrawn_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.format} in {self.project_id} ({self.pk})"


class DownloadGrant(models.Model):
    """A signed link to one artifact for one person, until it expires or is revoked. Written by downloads.py."""

    id = models.CharField(primary_key=True, max_length=40, default=grant_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    uses = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="grant_expires_after_it_is_made"),
            CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="grant_is_revoked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"download of {self.artifact_id} ({self.pk})"
