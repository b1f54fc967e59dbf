"""How the database finds what is asked of it: the plan of every question within a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

WHOLE = ("SCAN ", "Seq Scan on ")
"""What the plans of SQLite and PostgreSQL call the reading of a whole table."""
SORTED = ("TEMP B-TREE FOR", "Sort Key")
"""What they call sorting, where no index has the rows in order."""


@contextmanager
def taken() -> Iterator[list[str]]:
    """A list that holds, after the block, the plan of each SELECT in turn.

    PostgreSQL counts its rows first, as it does by itself after a while; nobody ever asks SQLite to.
    """
    asked: list[tuple[str, Any]] = []
    plans: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            asked.append((sql, params))
        return execute(sql, params, many, context)

    explain = "EXPLAIN QUERY PLAN "
    if connection.vendor == "postgresql":
        explain = "EXPLAIN "
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    with connection.execute_wrapper(note):
        yield plans
    with connection.cursor() as cursor:
        for sql, params in asked:
            cursor.execute(explain + sql, params)
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
