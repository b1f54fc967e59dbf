from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0004_privacy"),
    ]

    operations = [
        migrations.AddField(
            model_name="datasetversion",
            name="leftover_sha256",
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
