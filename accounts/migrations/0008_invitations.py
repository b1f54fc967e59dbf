import accounts.models
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from fynix.triggers import refuse


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_token_families"),
    ]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=accounts.models.invitation_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("viewer", "Viewer"),
                            ("analyst", "Analyst"),
                            ("maintainer", "Maintainer"),
                            ("owner", "Owner"),
                        ],
                        max_length=12,
                    ),
                ),
                ("token_sha256", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("renewed_at", models.DateTimeField()),
                ("renewals", models.PositiveSmallIntegerField(default=0)),
                ("expires_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("revoked", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                        name="invited_address_is_lower_case",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["viewer", "analyst", "maintainer", "owner"])),
                        name="invitation_role_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "open")),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("state__in", ["accepted", "declined", "revoked", "expired"]),
                            ),
                            _connector="OR",
                        ),
                        name="invitation_ends_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("renewed_at"))),
                        name="invitation_expires_after_its_link",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("renewals__lte", 5)), name="invitation_is_renewed_a_few_times"
                    ),
                ]
            },
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notification_kind_is_known",
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("run:finished", "A run has finished"),
                    ("run:failed", "A run failed"),
                    ("run:cancelled", "Somebody cancelled your run"),
                    ("version:ready", "A version is ready"),
                    ("version:failed", "The files of a version could not be made"),
                    ("production:promoted", "A version went into production"),
                    ("production:rolled-back", "Production was rolled back"),
                    ("role:given", "You were added to a project"),
                    ("role:changed", "Your role changed"),
                    ("role:taken", "You were removed from a project"),
                    ("invitation:accepted", "Somebody accepted your invitation"),
                    ("invitation:declined", "Somebody declined your invitation"),
                    ("storage:near-limit", "The storage of a project is nearly full"),
                    ("storage:own-near-limit", "What your projects may hold together is nearly full"),
                    ("files:expire", "Files of your project go in a week"),
                    ("server:alert", "Something of the server needs its staff"),
                    ("server:alert-over", "What needed the staff is over"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "run:finished",
                            "run:failed",
                            "run:cancelled",
                            "version:ready",
                            "version:failed",
                            "production:promoted",
                            "production:rolled-back",
                            "role:given",
                            "role:changed",
                            "role:taken",
                            "invitation:accepted",
                            "invitation:declined",
                            "storage:near-limit",
                            "storage:own-near-limit",
                            "files:expire",
                            "server:alert",
                            "server:alert-over",
                        ],
                    )
                ),
                name="notification_kind_is_known",
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="answered_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="invited_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="accounts.project"
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("project", "email"),
                name="address_is_invited_once_at_a_time",
                violation_error_message="This address is invited already. Send the invitation again instead.",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "accepted"), _negated=True), ("answered_by__isnull", False), _connector="OR"
                ),
                name="acceptance_is_somebodys",
            ),
        ),
        refuse(
            "accounts_invitation",
            event="UPDATE",
            name="invitation_stays_ended",
            message="An invitation that has ended stays as it ended",
            when="OLD.state <> 'open'",
        ),
    ]
