import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CARRY = (
    "INSERT INTO accounts_retentionrule (project_id, kind, days, changed_by_id, changed_at) "
    "SELECT project_id, 'file', file_days, changed_by_id, changed_at FROM accounts_retentionpolicy"
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_programs_and_approvals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RetentionRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("file", "Files of versions"), ("result", "Answers of tests")], max_length=10
                    ),
                ),
                ("days", models.PositiveIntegerField(null=True)),
                ("changed_at", models.DateTimeField()),
                (
                    "changed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="retention_rules",
                        to="accounts.project",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("project", "kind"), name="retention_has_one_rule_for_each_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["file", "result"])), name="retention_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("days__isnull", True), ("days__gte", 14), _connector="OR"),
                        name="things_stay_a_fortnight",
                    ),
                ],
            },
        ),
        migrations.RunSQL(CARRY),
        migrations.DeleteModel(name="RetentionPolicy"),
    ]
