"""Rules that only a trigger can hold, for both databases: refusals of UPDATE, DELETE and INSERT."""

from dataclasses import dataclass, replace
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation


@dataclass(eq=False)
class Rule(Operation):
    """A migration step that lays down a trigger, or takes one away when it `lifts`.

    Unlike RunPython it asks for no models: making them all for each of these steps was a quarter of a first migration.
    """

    table: str
    event: str
    name: str
    message: str
    when: str
    lifts: bool = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Models know nothing of triggers."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self._execute(schema_editor, drop=self.lifts)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        self._execute(schema_editor, drop=not self.lifts)

    def _execute(self, editor: BaseDatabaseSchemaEditor, *, drop: bool) -> None:
        for statement in (DROP if drop else CREATE)[editor.connection.vendor]:
            editor.execute(
                statement.format(
                    table=self.table, event=self.event, name=self.name, message=self.message, when=self.when
                )
            )


def refuse(table: str, *, event: str, name: str, message: str, when: str = "TRUE") -> Rule:
    """A migration step: rows of `table` cannot see `event` ("UPDATE", "DELETE", "INSERT") `when` it holds.

    `when` speaks of OLD and NEW in SQL that both engines read. Both raise django.db.IntegrityError.
    """
    return Rule(table=table, event=event, name=name, message=message, when=when)


def append_only(table: str) -> list[Rule]:
    """Migration steps: rows of `table` are written once and stay."""
    return [
        refuse(table, event=event, name=f"{table}_no_{event.lower()}", message=f"{table} is append-only")
        for event in ("UPDATE", "DELETE")
    ]


def lifted(steps: list[Rule]) -> list[Rule]:
    """Migration steps that take these rules away, for a change of the table under them.

    SQLite changes a table by making it anew, without its triggers: lift them, change it, and lay them down again.
    """
    return [replace(step, lifts=True) for step in reversed(steps)]


# The class 23 error code makes PostgreSQL's refusal an IntegrityError, as SQLite's is. A condition with a
# subquery is not allowed in PostgreSQL's WHEN clause, so the function tests it.
CREATE = {
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
DROP = {
    "sqlite": ["DROP TRIGGER {name}"],
    "postgresql": ["DROP TRIGGER {name} ON {table}"],
}
