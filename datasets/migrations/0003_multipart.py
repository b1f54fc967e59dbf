from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0002_plans"),
    ]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="multipart_id",
            field=models.CharField(blank=True, max_length=1024),
        ),
        migrations.AlterField(
            model_name="uploadpart",
            name="sha256",
            field=models.CharField(blank=True, max_length=64),
        ),
    ]
