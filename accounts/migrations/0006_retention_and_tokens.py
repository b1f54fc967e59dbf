import hashlib

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def mark(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Tokens that work now are taken to be of the password that holds now."""
    tokens = apps.get_model("accounts", "PersonalToken")
    for token in tokens.objects.select_related("user").iterator():
        token.password_mark = hashlib.sha256(token.user.password.encode()).hexdigest()[:32]
        token.save(update_fields=["password_mark"])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_what_people_may_store"),
    ]

    operations = [
        migrations.CreateModel(
            name="RetentionPolicy",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="retention",
                        serialize=False,
                        to="accounts.project",
                    ),
                ),
                ("file_days", models.PositiveIntegerField(null=True)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("file_days__isnull", True), ("file_days__gte", 14), _connector="OR"),
                        name="files_stay_a_fortnight",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="RetentionWarning",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.CharField(max_length=60, unique=True)),
                ("warned_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notification_kind_is_known",
        ),
        migrations.AddField(
            model_name="personaltoken",
            name="password_mark",
            field=models.CharField(blank=True, max_length=32),
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
            model_name="retentionpolicy",
            name="changed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="retentionwarning",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.project"
            ),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
