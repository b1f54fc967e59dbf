"""One consistent copy of the database at one moment while others write, and putting it back; for both engines."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection, connections, transaction

from fynix.safekeeping.references import DEFAULT

COPY = "copy"  # the alias under which a SQLite copy is read
FILES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}


class ToolFailed(Exception):
    """One of PostgreSQL's programs is not here or did not do it; the text says what to do."""


@contextmanager
def dumped(folder: Path) -> Iterator[tuple[Path, str]]:
    """Copy the database into the folder; gives the file, and the alias under which its very rows are read."""
    file = folder / FILES[connection.vendor]
    with _copy_sqlite(file) if connection.vendor == "sqlite" else _dump_postgresql(file) as alias:
        yield file, alias


def load(file: Path) -> None:
    """Put a copy into the empty database."""
    if connection.vendor == "sqlite":
        target = Path(connection.settings_dict["NAME"])
        connections.close_all()
        shutil.copyfile(file, target)
        return
    _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
         "--dbname", connection.settings_dict["NAME"], str(file))  # fmt: skip


def tables(alias: str = DEFAULT) -> list[str]:
    """The names of all tables."""
    with connections[alias].cursor() as cursor:
        return sorted(connections[alias].introspection.table_names(cursor))


def counts(alias: str) -> dict[str, int]:
    """How many rows each table has."""
    found = {}
    with connections[alias].cursor() as cursor:
        for table in tables(alias):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608  a table's own name
            found[table] = int(cursor.fetchone()[0])
    return found


@contextmanager
def _copy_sqlite(file: Path) -> Iterator[str]:
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=60)) as source:
        source.execute("VACUUM INTO ?", (str(file),))
    connections.databases[COPY] = {**connections.databases[DEFAULT], "NAME": str(file)}
    # A copy is never written to, and a journal beside it would be one more file to keep.
    connections.databases[COPY]["OPTIONS"] = {}
    try:
        yield COPY
    finally:
        connections[COPY].close()
        del connections[COPY]
        del connections.databases[COPY]


@contextmanager
def _dump_postgresql(file: Path) -> Iterator[str]:
    """The dump and the rows that are read beside it are of one exported snapshot."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
             f"--file={file}", connection.settings_dict["NAME"])  # fmt: skip
        yield DEFAULT


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs against our database. Raises ToolFailed."""
    if shutil.which(program) is None:
        raise ToolFailed(f"{program} was not found. On Debian: apt install postgresql-client")
    facts = connection.settings_dict
    named = {"PGHOST": facts["HOST"], "PGPORT": facts["PORT"], "PGUSER": facts["USER"], "PGPASSWORD": facts["PASSWORD"],
             "PGSSLMODE": facts["OPTIONS"].get("sslmode")}  # fmt: skip
    environment = {**os.environ, **{name: str(value) for name, value in named.items() if value}}
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolFailed(f"{program} ended with {done.returncode}: {done.stderr.strip()}")
