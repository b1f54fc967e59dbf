from django.db import migrations, models
from django.db.models import Q

COUNT = """
UPDATE sandbox_batch SET rows_bytes = (
  SELECT size_bytes FROM accounts_storagecharge
  WHERE kind = 'test' AND subject = sandbox_batch.id || ':rows' AND size_bytes > 0
) WHERE EXISTS (
  SELECT 1 FROM accounts_storagecharge
  WHERE kind = 'test' AND subject = sandbox_batch.id || ':rows' AND size_bytes > 0
)
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_retention_of_uploads"), ("sandbox", "0005_results_that_went")]

    operations = [
        migrations.AddField(model_name="batch", name="rows_bytes", field=models.BigIntegerField(default=0)),
        migrations.AddField(model_name="batch", name="rows_gone_at", field=models.DateTimeField(null=True)),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=Q(("rows_gone_at__isnull", True), ("source", "file"), _connector="OR"),
                name="only_sent_rows_go",
            ),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
