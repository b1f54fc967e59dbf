"""The queue itself: one row per piece of background work. A message to a worker is only a wake-up call."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q

from fynix import ids


def job_id() -> str:
    return ids.new("tsk")


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN = (State.QUEUED, State.RUNNING)
ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)


class Job(models.Model):
    """One piece of background work and its life: who holds it until when, how often it was tried, how it ended.

    `attempt` is the fencing token: it grows with every claim, and every write of a worker names it. `losses`
    counts the workers that vanished while holding the job. Written by queue.jobs only.
    """

    id = models.CharField(primary_key=True, max_length=40, default=job_id, editable=False)
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=60)
    project_id = models.CharField(max_length=40)
    user_id = models.BigIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    stage = models.CharField(max_length=60, blank=True)
    progress = models.FloatField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "created_at"], name="job_by_state"),
            models.Index(fields=["project_id", "-created_at"], name="job_by_project"),
            models.Index(fields=["user_id", "kind", "state", "-finished_at"], name="job_by_person"),
        ]
        constraints = [
            CheckConstraint(condition=Q(state__in=State.values), name="job_state_is_known"),
            CheckConstraint(
                condition=Q(state__in=OPEN, finished_at__isnull=True) | Q(state__in=ENDED, finished_at__isnull=False),
                name="job_has_an_end_exactly_when_it_ended",
            ),
            CheckConstraint(
                condition=~Q(state=State.RUNNING) | Q(lease_until__isnull=False), name="running_job_is_leased"
            ),
            CheckConstraint(condition=~Q(state=State.FAILED) | ~Q(error_code=""), name="failed_job_says_why"),
            CheckConstraint(condition=Q(progress__gte=0, progress__lte=100), name="job_progress_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN
