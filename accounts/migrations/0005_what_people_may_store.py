import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def add_up(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Whoever made a project gets an allowance that holds what their projects hold."""
    allowances, own = apps.get_model("accounts", "Allowance"), apps.get_model("accounts", "PersonalAllowance")
    sums = allowances.objects.values("project__created_by").annotate(
        used=models.Sum("used_bytes"), reserved=models.Sum("reserved_bytes")
    )
    own.objects.bulk_create(
        own(user_id=row["project__created_by"], limit_bytes=settings.PERSON_BYTES, used_bytes=row["used"],
            reserved_bytes=row["reserved"])
        for row in sums.order_by()
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_seal_against_replacing"),
    ]

    operations = [
        migrations.CreateModel(
            name="PersonalAllowance",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="allowance",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("limit_bytes", models.BigIntegerField()),
                ("used_bytes", models.BigIntegerField(default=0)),
                ("reserved_bytes", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reserved_bytes__gte", 0), ("used_bytes__gte", 0)),
                        name="personal_allowance_is_not_negative",
                    )
                ]
            },
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notification_kind_is_known",
        ),
        migrations.AddField(
            model_name="notification",
            name="letter_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="letter_sent_at",
            field=models.DateTimeField(null=True),
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
                    ("storage:near-limit", "The storage of a project is nearly full"),
                    ("storage:own-near-limit", "What your projects may hold together is nearly full"),
                    ("server:alert", "Something of the server needs its staff"),
                    ("server:alert-over", "What needed the staff is over"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("letter_due_at__isnull", False)),
                fields=["letter_due_at"],
                name="notification_letter_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(("letter_sent_at__isnull", True), ("letter_due_at__isnull", True), _connector="OR"),
                name="letter_that_was_sent_is_not_due",
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
                            "storage:near-limit",
                            "storage:own-near-limit",
                            "server:alert",
                            "server:alert-over",
                        ],
                    )
                ),
                name="notification_kind_is_known",
            ),
        ),
        migrations.RunPython(add_up, migrations.RunPython.noop),
    ]
