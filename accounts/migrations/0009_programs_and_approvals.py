import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_invitations"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="notification",
            name="notification_kind_is_known",
        ),
        migrations.AddField(
            model_name="tokenfamily",
            name="address",
            field=models.GenericIPAddressField(null=True),
        ),
        migrations.AddField(
            model_name="tokenfamily",
            name="token",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="families",
                to="accounts.personaltoken",
            ),
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
                    ("approval:requested", "Somebody asks for your yes"),
                    ("approval:given", "Your version was approved"),
                    ("approval:refused", "Your version was not approved"),
                    ("test:finished", "A test of many rows has finished"),
                    ("test:failed", "A test of many rows failed"),
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
                            "approval:requested",
                            "approval:given",
                            "approval:refused",
                            "test:finished",
                            "test:failed",
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
    ]
