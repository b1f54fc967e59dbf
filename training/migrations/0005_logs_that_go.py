import json

from django.db import migrations, models

from fynix import triggers

# Roughly: the lines with all that is told beside their words. Runs that come count the words alone.
COUNT = """
UPDATE training_run SET log_bytes = COALESCE((
  SELECT SUM(LENGTH(CAST(payload AS TEXT))) FROM training_runevent
  WHERE run_id = training_run.id AND type = 'log'
), 0)
"""
STAGES = ("queued", "load", "check", "split", "train", "evaluate", "explain", "package", "done")
LEVELS = ("info", "warning", "error")
# As the database holds what events.gone makes: SQLite compares the text, PostgreSQL the document.
GONE = [
    {"request_id": "", "stage": stage, "log": {"level": level, "message": "", "gone": True}}
    for stage in STAGES
    for level in LEVELS
]
ALLOWED = ", ".join(f"'{json.dumps(payload)}'" for payload in GONE)
ROW = " AND ".join(f"NEW.{column} = OLD.{column}" for column in ("id", "run_id", "seq", "type", "at"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_retention_of_logs"), ("training", "0004_own_metrics")]

    operations = [
        migrations.AddField(model_name="run", name="log_bytes", field=models.BigIntegerField(default=0)),
        migrations.AddField(model_name="run", name="log_gone_at", field=models.DateTimeField(null=True)),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
        triggers.refuse(
            "training_runevent",
            event="UPDATE",
            name="training_runevent_no_update",
            message="An event is never changed; only the words of a log line may go.",
            when=f"NOT (OLD.type = 'log' AND {ROW} AND NEW.payload IN ({ALLOWED}))",
        ),
    ]
