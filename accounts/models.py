"""People, projects, and what each may use: the tenancy that everything else hangs from."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fynix import ids


def project_id() -> str:
    return ids.new("prj")


def token_id() -> str:
    return ids.new("pat")


def family_id() -> str:
    return ids.new("fam")


def invitation_id() -> str:
    return ids.new("inv")


def notification_id() -> str:
    return ids.new("ntf")


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    ANALYST = "analyst", _("Analyst")
    MAINTAINER = "maintainer", _("Maintainer")
    OWNER = "owner", _("Owner")

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class People(BaseUserManager["User"]):
    """Creates users; an e-mail address is the name a person signs in with."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Written by allauth at sign-up, by staff in the admin, and by preferences.py.

    `shortcuts` says whether single keys act on pages; `first_steps_closed_at` when the first steps were put away.
    """

    email = models.EmailField(unique=True, max_length=254)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    shortcuts = models.BooleanField(default=True)
    first_steps_closed_at = models.DateTimeField(null=True, blank=True)

    objects = People()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email


class Project(models.Model):
    """The border of tenancy: datasets, runs and models belong to exactly one. Written by projects.py."""

    id = models.CharField(primary_key=True, max_length=40, default=project_id, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    members = models.ManyToManyField(User, through="Membership", related_name="projects")

    class Meta:
        constraints = [
            CheckConstraint(
                condition=~Q(name=""),
                name="project_has_a_name",
                violation_error_message=_("Give the project a name."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"


class Membership(models.Model):
    """One person's role in one project. Written by projects.py."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["project", "user"],
                name="member_has_one_role_per_project",
                violation_error_message=_("This person is already a member."),
            ),
            CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.project_id}"


class Invitation(models.Model):
    """An address that was asked to take part in a project. Open until somebody answers it or takes it back.

    The link is kept as a hash only, so a renewal makes another one and the former ends. `sent_at` is when the link of
    now went by e-mail; null: whoever invited passes it on. `answered_by` accepted or declined, if they had signed in.
    Written by invitations.py.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        REVOKED = "revoked", _("Withdrawn")
        EXPIRED = "expired", _("Expired")

    MOST_RENEWALS = 5

    id = models.CharField(primary_key=True, max_length=40, default=invitation_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=12, choices=Role.choices)
    token_sha256 = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    renewed_at = models.DateTimeField()
    renewals = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    ended_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["project", "email"],
                condition=Q(state="open"),
                name="address_is_invited_once_at_a_time",
                violation_error_message=_("This address is invited already. Send the invitation again instead."),
            ),
            CheckConstraint(condition=Q(email=Lower("email")), name="invited_address_is_lower_case"),
            CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_is_known"),
            CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True)
                | Q(state__in=["accepted", "declined", "revoked", "expired"], ended_at__isnull=False),
                name="invitation_ends_once",
            ),
            CheckConstraint(
                condition=~Q(state="accepted") | Q(answered_by__isnull=False), name="acceptance_is_somebodys"
            ),
            CheckConstraint(condition=Q(expires_at__gt=F("renewed_at")), name="invitation_expires_after_its_link"),
            CheckConstraint(condition=Q(renewals__lte=5), name="invitation_is_renewed_a_few_times"),
        ]

    def __str__(self) -> str:
        return f"{self.project_id}: {self.role} ({self.pk})"


class Allowance(models.Model):
    """The bytes a project may hold, holds, and has promised to uploads under way. Written by quotas.py."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True)
    limit_bytes = models.BigIntegerField()
    used_bytes = models.BigIntegerField(default=0)
    reserved_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(used_bytes__gte=0, reserved_bytes__gte=0), name="allowance_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.project_id}: {self.used_bytes} + {self.reserved_bytes} of {self.limit_bytes}"

    @property
    def taken_bytes(self) -> int:
        return self.used_bytes + self.reserved_bytes


class PersonalAllowance(models.Model):
    """The bytes that all projects which one person made may hold, hold and have promised. Written by quotas.py.

    Projects are free: without it a person could have as much room as they like to have projects.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="allowance")
    limit_bytes = models.BigIntegerField()
    used_bytes = models.BigIntegerField(default=0)
    reserved_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(used_bytes__gte=0, reserved_bytes__gte=0), name="personal_allowance_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.used_bytes} + {self.reserved_bytes} of {self.limit_bytes}"

    @property
    def taken_bytes(self) -> int:
        return self.used_bytes + self.reserved_bytes


class Keepsake(models.TextChoices):
    """What a project stores for a time."""

    FILES = "file", _("Files of versions")
    RESULTS = "result", _("Answers of tests")
    UPLOADS = "upload", _("Uploaded files")
    LOGS = "log", _("Logs of runs")


class RetentionRule(models.Model):
    """After how many days one kind of thing goes from a project; null: never. Without a row the server's default holds.

    Written by retention.py.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="retention_rules")
    kind = models.CharField(max_length=10, choices=Keepsake.choices)
    days = models.PositiveIntegerField(null=True)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["project", "kind"], name="retention_has_one_rule_for_each_kind"),
            CheckConstraint(condition=Q(kind__in=Keepsake.values), name="retention_kind_is_known"),
            CheckConstraint(condition=Q(days__isnull=True) | Q(days__gte=14), name="things_stay_a_fortnight"),
        ]

    def __str__(self) -> str:
        return f"{self.project_id} {self.kind}: {self.days}"


class RetentionWarning(models.Model):
    """Something stored of which people were told that it goes, and when that was. Written by fynix.retention."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=60, unique=True)
    warned_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.subject} since {self.warned_at:%Y-%m-%d}"


class StorageCharge(models.Model):
    """One line of the storage ledger: bytes taken (positive) or given back (negative). Append-only."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="charges")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="charges")
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=60)
    size_bytes = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["kind", "subject"], condition=Q(size_bytes__gt=0), name="subject_is_charged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.size_bytes}"


class PersonalToken(models.Model):
    """A long-lived secret for scripts, stored as a hash and exchanged for short access tokens.

    `password_mark` is a fingerprint of the password that the person had when it was made: with another one it ends.
    """

    id = models.CharField(primary_key=True, max_length=40, default=token_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="personal_tokens")
    name = models.CharField(max_length=80)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    password_mark = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="token_expires_after_it_is_made"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"


class TokenFamily(models.Model):
    """One sign-in of a program and all refresh tokens that followed from it. Only the newest generation works.

    No token is stored: each is the family and its generation, signed. `token` is the personal token that it began with
    (null: a browser's session), `address` where it was used from last. Written by families.py.
    """

    id = models.CharField(primary_key=True, max_length=40, default=family_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="token_families")
    token = models.ForeignKey(PersonalToken, null=True, on_delete=models.SET_NULL, related_name="families")
    address = models.GenericIPAddressField(null=True)
    generation = models.PositiveIntegerField(default=1)
    password_mark = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="family_expires_after_it_is_made"),
            CheckConstraint(condition=Q(generation__gte=1), name="generations_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}:{self.generation}"


class News(models.TextChoices):
    """What a person is told about."""

    RUN_FINISHED = "run:finished", "A run has finished"
    RUN_FAILED = "run:failed", "A run failed"
    RUN_CANCELLED = "run:cancelled", "Somebody cancelled your run"
    VERSION_READY = "version:ready", "A version is ready"
    VERSION_FAILED = "version:failed", "The files of a version could not be made"
    PROMOTED = "production:promoted", "A version went into production"
    ROLLED_BACK = "production:rolled-back", "Production was rolled back"
    ROLE_GIVEN = "role:given", "You were added to a project"
    ROLE_CHANGED = "role:changed", "Your role changed"
    ROLE_TAKEN = "role:taken", "You were removed from a project"
    INVITATION_ACCEPTED = "invitation:accepted", "Somebody accepted your invitation"
    INVITATION_DECLINED = "invitation:declined", "Somebody declined your invitation"
    APPROVAL_REQUESTED = "approval:requested", "Somebody asks for your yes"
    APPROVAL_GIVEN = "approval:given", "Your version was approved"
    APPROVAL_REFUSED = "approval:refused", "Your version was not approved"
    TEST_FINISHED = "test:finished", "A test of many rows has finished"
    TEST_FAILED = "test:failed", "A test of many rows failed"
    STORAGE_NEAR_LIMIT = "storage:near-limit", "The storage of a project is nearly full"
    OWN_NEAR_LIMIT = "storage:own-near-limit", "What your projects may hold together is nearly full"
    FILES_EXPIRE = "files:expire", "Files of your project go in a week"
    ALERT = "server:alert", "Something of the server needs its staff"
    ALERT_OVER = "server:alert-over", "What needed the staff is over"


class Notification(models.Model):
    """One thing one person should know, told once however often it was said. Written by notifications.py.

    `kind` picks the sentence; `thing`, `number`, `detail` and `by` fill it. `address` is the page to look at.
    What concerns the whole server or all projects of a person has no project. `letter_due_at` is when it is to be
    sent by e-mail, or sent again. Letters are written by letters.py.
    """

    id = models.CharField(primary_key=True, max_length=40, default=notification_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=24, choices=News.choices)
    subject = models.CharField(max_length=80)
    thing = models.CharField(max_length=120, blank=True)
    number = models.PositiveIntegerField(null=True)
    detail = models.TextField(blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    letter_due_at = models.DateTimeField(null=True)
    letter_sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["user", "kind", "subject"], name="person_is_told_once"),
            CheckConstraint(
                condition=Q(letter_sent_at__isnull=True) | Q(letter_due_at__isnull=True),
                name="letter_that_was_sent_is_not_due",
            ),
            CheckConstraint(condition=Q(kind__in=News.values), name="notification_kind_is_known"),
            CheckConstraint(
                condition=Q(read_at__isnull=True) | Q(read_at__gte=F("created_at")),
                name="notification_is_read_after_it_came",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="notification_by_person"),
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="notification_unread"),
            models.Index(
                fields=["letter_due_at"], condition=Q(letter_due_at__isnull=False), name="notification_letter_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id} ({self.pk})"


class AuditEvent(models.Model):
    """One key action, chained by hash to the one before it. Written by audit.record(), never changed."""

    seq = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor_email = models.CharField(max_length=254, blank=True)
    via = models.CharField(max_length=20)
    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=80)
    detail = models.JSONField()
    request_id = models.CharField(max_length=64, blank=True)
    previous_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-seq"], name="audit_by_project")]

    def __str__(self) -> str:
        return f"{self.seq} {self.action} {self.subject}"


class AuditHead(models.Model):
    """The end of the chain: one row, locked by whoever appends. Written by audit.record()."""

    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.hash
