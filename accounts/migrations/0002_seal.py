"""The database itself refuses to change or remove an audit event or a line of the storage ledger."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SEALED = {
    "accounts_auditevent": "An audit event is never changed or removed.",
    "accounts_storagecharge": "A line of the storage ledger is never changed or removed.",
}

POSTGRESQL = """
CREATE FUNCTION {table}_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{sentence}' USING ERRCODE = '23000'; END $$;
CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_sealed();
CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_sealed();
"""
POSTGRESQL_BACK = "DROP FUNCTION {table}_sealed() CASCADE"
SQLITE = """CREATE TRIGGER {table}_{verb}_refused BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{sentence}'); END"""
SQLITE_BACK = "DROP TRIGGER {table}_{verb}_refused"
VERBS = ("UPDATE", "DELETE")


def seal(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    for table, sentence in SEALED.items():
        if editor.connection.vendor == "postgresql":
            editor.execute(POSTGRESQL.format(table=table, sentence=sentence), params=None)
            continue
        for verb in VERBS:
            editor.execute(SQLITE.format(table=table, verb=verb, sentence=sentence), params=None)


def unseal(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    for table in SEALED:
        if editor.connection.vendor == "postgresql":
            editor.execute(POSTGRESQL_BACK.format(table=table), params=None)
            continue
        for verb in VERBS:
            editor.execute(SQLITE_BACK.format(table=table, verb=verb), params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(seal, unseal)]
