from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_retention_of_uploads")]

    operations = [
        migrations.RemoveConstraint(model_name="retentionrule", name="retention_kind_is_known"),
        migrations.AlterField(
            model_name="retentionrule",
            name="kind",
            field=models.CharField(
                choices=[
                    ("file", "Files of versions"),
                    ("result", "Answers of tests"),
                    ("upload", "Uploaded files"),
                    ("log", "Logs of runs"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="retentionrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["file", "result", "upload", "log"])), name="retention_kind_is_known"
            ),
        ),
    ]
