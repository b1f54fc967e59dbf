from django.db import migrations, models

# What was charged for a table above its own bytes and those of its file is its left-out lines. How many of these bytes
# are numbers and reasons, which stay, is counted when the lines go.
COUNT = """
UPDATE datasets_datasetversion SET lines_bytes = (
  SELECT size_bytes FROM accounts_storagecharge
  WHERE kind = 'dataset' AND subject = datasets_datasetversion.id AND size_bytes > 0
) - table_bytes - CASE WHEN parent_id IS NULL THEN size_bytes ELSE 0 END
WHERE leftover_sha256 <> '' AND EXISTS (
  SELECT 1 FROM accounts_storagecharge
  WHERE kind = 'dataset' AND subject = datasets_datasetversion.id AND size_bytes > 0
)
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_retention_of_uploads"), ("datasets", "0006_files_that_went")]

    operations = [
        migrations.AddField(model_name="datasetversion", name="lines_bytes", field=models.BigIntegerField(default=0)),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
