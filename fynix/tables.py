"""Whether the database has the tables that this code needs."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from fynix import env


def pending() -> int:
    """Number of migrations that are still to be applied. Raises DatabaseError."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def require() -> None:
    """Raise Misconfigured unless the tables are there, as when a command looks into another folder than the pilot."""
    try:
        found = not pending()
    except DatabaseError:
        found = False
    if not found:
        raise env.Misconfigured(
            "The database has no tables, or not all of them. Set FYNIX_DATA or DATABASE_URL as for the server you "
            "mean; `manage.py doctor` says which database is used."
        )
