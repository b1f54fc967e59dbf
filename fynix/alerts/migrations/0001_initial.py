import django.db.models.deletion
import fynix.alerts.models
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Pace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("looked_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fynix.alerts.models.alert_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("rule", models.CharField(max_length=40)),
                ("subject", models.CharField(max_length=60)),
                ("name", models.CharField(max_length=120)),
                (
                    "severity",
                    models.CharField(choices=[("warning", "Warning"), ("critical", "Critical")], max_length=10),
                ),
                ("value", models.FloatField()),
                ("bound", models.FloatField()),
                ("since", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("fired_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("tellings", models.PositiveIntegerField(default=0)),
                ("resolved_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["-since"], name="alert_by_time")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("resolved_at__isnull", True)),
                        fields=("rule", "subject"),
                        name="one_open_alert_per_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["warning", "critical"])), name="alert_severity_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("resolved_at__isnull", True),
                            models.Q(("fired_at__isnull", False), ("resolved_at__gte", models.F("fired_at"))),
                            _connector="OR",
                        ),
                        name="alert_is_resolved_after_it_fired",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(unique=True)),
                ("document", models.JSONField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("document__schema_version", 1)), name="reading_version_is_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=fynix.alerts.models.delivery_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("channel", models.CharField(choices=[("email", "E-mail"), ("webhook", "Webhook")], max_length=10)),
                (
                    "occasion",
                    models.CharField(
                        choices=[
                            ("firing", "Firing"),
                            ("worse", "Worse"),
                            ("reminder", "Still firing"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=10,
                    ),
                ),
                ("telling", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField()),
                ("next_at", models.DateTimeField()),
                ("claim", models.CharField(blank=True, max_length=32)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
                ("given_up_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=120)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="alerts.alert"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("done_at__isnull", True), ("given_up_at__isnull", True)),
                        fields=["next_at"],
                        name="delivery_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("alert", "channel", "telling"), name="alert_is_told_once_each_time"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["email", "webhook"])), name="delivery_channel_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("occasion__in", ["firing", "worse", "reminder", "resolved"])),
                        name="delivery_occasion_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("done_at__isnull", True), ("given_up_at__isnull", True), _connector="OR"),
                        name="delivery_has_one_end",
                    ),
                ],
            },
        ),
    ]
