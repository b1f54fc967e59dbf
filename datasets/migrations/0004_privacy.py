import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from fynix import triggers


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("datasets", "0003_multipart"),
    ]

    operations = [
        migrations.CreateModel(
            name="PrivacyDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("column", models.TextField()),
                (
                    "treatment",
                    models.CharField(
                        choices=[
                            ("show", "No personal data: show them"),
                            ("partial", "Show a part, such as j***@e***.com"),
                            ("redact", "Cover them whole"),
                            ("hash", "Hash them with the project's key"),
                            ("drop", "Leave the column out"),
                        ],
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="privacy_decisions",
                        to="datasets.dataset",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("treatment__in", ["show", "partial", "redact", "hash", "drop"])),
                        name="privacy_treatment_is_known",
                    )
                ],
            },
        ),
        *triggers.append_only("datasets_privacydecision"),
    ]
