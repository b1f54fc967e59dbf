from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sandbox", "0004_batches")]

    operations = [
        migrations.AddField(model_name="batch", name="results_gone_at", field=models.DateTimeField(null=True)),
    ]
