import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_seal"),
    ]

    operations = [
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
                    ("storage:near-limit", "The storage of a project is nearly full"),
                    ("server:alert", "Something of the server needs its staff"),
                    ("server:alert-over", "What needed the staff is over"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="project",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.project"
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
                            "server:alert",
                            "server:alert-over",
                        ],
                    )
                ),
                name="notification_kind_is_known",
            ),
        ),
    ]
