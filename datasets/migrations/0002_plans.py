import django.db.models.deletion
from django.db import migrations, models

import datasets.models


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="datasetversion",
            name="parent",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="derived",
                to="datasets.datasetversion",
            ),
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="plan",
            field=models.JSONField(default=datasets.models.no_plan),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("plan__schema_version", 1)), name="dataset_version_plan_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("parent__isnull", True), ("upload__isnull", True), _connector="OR"),
                name="dataset_version_has_one_origin",
            ),
        ),
    ]
