"""Rules that only a trigger can hold, for both databases: refusals of UPDATE, DELETE and INSERT."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def refuse(table: str, *, event: str, name: str, message: str, when: str = "TRUE") -> migrations.RunPython:
    """A migration step: rows of `table` cannot see `event` ("UPDATE", "DELETE", "INSERT") `when` it holds.

    `when` speaks of OLD and NEW in SQL that both engines read. Both raise django.db.IntegrityError.
    """

    def create(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in STATEMENTS[editor.connection.vendor]:
            editor.execute(statement.format(table=table, event=event, name=name, message=message, when=when))

    def drop(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        on = f" ON {table}" if editor.connection.vendor == "postgresql" else ""
        editor.execute(f"DROP TRIGGER {name}{on}")

    return migrations.RunPython(create, drop)


def append_only(table: str) -> list[migrations.RunPython]:
    """Migration steps: rows of `table` are written once and stay."""
    return [
        refuse(table, event=event, name=f"{table}_no_{event.lower()}", message=f"{table} is append-only")
        for event in ("UPDATE", "DELETE")
    ]


def lifted(steps: list[migrations.RunPython]) -> list[migrations.RunPython]:
    """Migration steps that take these rules away, for a change of the table under them.

    SQLite changes a table by making it anew, without its triggers: lift them, change it, and lay them down again.
    """
    return [migrations.RunPython(step.reverse_code or step.noop, step.code) for step in reversed(steps)]


# The class 23 error code makes PostgreSQL's refusal an IntegrityError, as SQLite's is. A condition with a
# subquery is not allowed in PostgreSQL's WHEN clause, so the function tests it.
STATEMENTS = {
    "sqlite": [
        "CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {when} THEN "
        "RAISE EXCEPTION '{message}' USING ERRCODE = '23000'; END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ],
}
