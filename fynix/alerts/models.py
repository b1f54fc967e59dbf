"""Alerts with their life, what is to be told of them, and the figures of every minute."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from fynix import ids


def alert_id() -> str:
    return ids.new("alr")


def delivery_id() -> str:
    return ids.new("dlv")


class Severity(models.TextChoices):
    WARNING = "warning", _("Warning")
    CRITICAL = "critical", _("Critical")


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    WEBHOOK = "webhook", _("Webhook")


class Occasion(models.TextChoices):
    FIRING = "firing", _("Firing")
    WORSE = "worse", _("Worse")
    REMINDER = "reminder", _("Still firing")
    RESOLVED = "resolved", _("Resolved")


class Alert(models.Model):
    """One rule broken by one thing, from the first look that saw it to the first that did not.

    It fires when the rule was broken for as long as the rule asks; `tellings` counts what people heard of it.
    `value` and `bound` are in the unit of the rule. Written by watch.py.
    """

    id = models.CharField(primary_key=True, max_length=40, default=alert_id, editable=False)
    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    value = models.FloatField()
    bound = models.FloatField()
    since = models.DateTimeField()
    seen_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    tellings = models.PositiveIntegerField(default=0)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["rule", "subject"], condition=Q(resolved_at__isnull=True), name="one_open_alert_per_thing"
            ),
            CheckConstraint(condition=Q(severity__in=Severity.values), name="alert_severity_is_known"),
            CheckConstraint(
                condition=Q(resolved_at__isnull=True) | Q(fired_at__isnull=False, resolved_at__gte=F("fired_at")),
                name="alert_is_resolved_after_it_fired",
            ),
        ]
        indexes = [models.Index(fields=["-since"], name="alert_by_time")]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject} ({self.pk})"


class Delivery(models.Model):
    """One message that is owed: which alert, by which way, on which occasion. Written by deliveries.py.

    `claim` names the sender at work; a sender that dies loses it when `next_at` comes.
    """

    id = models.CharField(primary_key=True, max_length=40, default=delivery_id, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    occasion = models.CharField(max_length=10, choices=Occasion.choices)
    telling = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    claim = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=120, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            UniqueConstraint(fields=["alert", "channel", "telling"], name="alert_is_told_once_each_time"),
            CheckConstraint(condition=Q(channel__in=Channel.values), name="delivery_channel_is_known"),
            CheckConstraint(condition=Q(occasion__in=Occasion.values), name="delivery_occasion_is_known"),
            CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(given_up_at__isnull=True), name="delivery_has_one_end"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=Q(done_at__isnull=True, given_up_at__isnull=True), name="delivery_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.alert_id} ({self.pk})"


class Reading(models.Model):
    """The figures of one moment, for the charts: one `points.Point`. Written by points.py."""

    at = models.DateTimeField(unique=True)
    document = models.JSONField()

    class Meta:
        constraints = [CheckConstraint(condition=Q(document__schema_version=1), name="reading_version_is_known")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


class Pace(models.Model):
    """When somebody last looked: one row, taken by whoever looks next. Written by watch.py."""

    looked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.looked_at:%Y-%m-%d %H:%M:%S}"
