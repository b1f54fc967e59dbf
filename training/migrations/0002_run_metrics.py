import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

AT_ONCE = 500


def copy_from_reports(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Runs that ended before there were such rows get theirs."""
    metric, outcomes = apps.get_model("training", "RunMetric"), apps.get_model("training", "Outcome").objects
    for outcome in outcomes.select_related("run").only("report", "run__project_id").iterator(AT_ONCE):
        metric.objects.bulk_create(
            metric(run_id=outcome.run_id, project_id=outcome.run.project_id, name=name, value=score["value"])
            for name, score in outcome.report["test"].items()
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("training", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="RunMetric",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("value", models.FloatField()),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.project"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="metrics", to="training.run"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["project", "name", "value", "run"], name="run_metric_by_value")],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "name"), name="run_has_one_value_of_each_metric")
                ],
            },
        ),
        migrations.RunPython(copy_from_reports, migrations.RunPython.noop),
    ]
