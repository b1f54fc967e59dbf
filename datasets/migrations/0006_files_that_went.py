from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0005_leftover")]

    operations = [
        migrations.AddField(model_name="datasetversion", name="file_gone_at", field=models.DateTimeField(null=True)),
    ]
