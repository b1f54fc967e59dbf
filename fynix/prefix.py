"""`begins`: a lookup for texts in lower case that an index can answer, on both databases.

Django's own `startswith` is LIKE with an ESCAPE clause, for which SQLite reads the whole table.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Lookup
from django.db.models.sql.compiler import SQLCompiler

LAST = "\U0010ffff"  # sorts after everything in SQLite's order of bytes
Sql = tuple[str, tuple[Any, ...]]


@CharField.register_lookup
class Begins(Lookup[str]):
    """Rows whose value begins with the text, in the database's own lower case."""

    lookup_name = "begins"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """All from the text itself up to the last text that begins with it."""
        left, params = self.process_lhs(compiler, connection)
        text = (*params, str(self.rhs))
        return f"({left} >= LOWER(%s) AND {left} < LOWER(%s) || %s)", (*text, *text, LAST)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        """A pattern, for which an index with a pattern class is used in every collation."""
        left, params = self.process_lhs(compiler, connection)
        escaped = str(self.rhs).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{left} LIKE LOWER(%s)", (*params, f"{escaped}%")
