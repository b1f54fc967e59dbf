"""SQLite's INSERT OR REPLACE removes a row without asking the triggers of DELETE: an insert over a row is refused, too."""

from django.db import migrations

from fynix import triggers

SEALED = ("accounts_auditevent", "accounts_storagecharge")
KEYS = {"accounts_auditevent": "seq", "accounts_storagecharge": "id"}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_news_of_the_server")]
    operations = [
        triggers.refuse(
            table,
            event="INSERT",
            name=f"{table}_no_replace",
            message=f"A row of {table} is never changed or removed.",
            when=f"EXISTS (SELECT 1 FROM {table} WHERE {KEYS[table]} = NEW.{KEYS[table]})",  # noqa: S608  no value of anybody's
        )
        for table in SEALED
    ]
