from django.db import migrations

from fynix import triggers


class Migration(migrations.Migration):
    dependencies = [("sandbox", "0001_initial")]
    operations = triggers.append_only("sandbox_testrun")
