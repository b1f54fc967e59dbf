"""How long work took, from its first claim to its end."""

from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

from django.db.models import Count, F, FloatField, Func
from django.db.models.functions import Floor

from fynix.queue.models import ENDED, Job

BUCKETS_S = (1, 3, 10, 30, 60, 180, 600, 1800, 3600, 4 * 3600, 24 * 3600)  # seconds; upper limits of the histogram


class Seconds(Func):
    """Seconds from the first moment to the second, counted by the database itself."""

    output_field = FloatField()
    template = "EXTRACT(EPOCH FROM %(expressions)s)"
    arg_joiner = " - "

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        """SQLite keeps moments as text and counts days; Django's own difference would call Python for each row."""
        began, ended = (compiler.compile(each) for each in reversed(self.source_expressions))
        sql = f"((julianday({ended[0]}) - julianday({began[0]})) * 86400.0)"
        return sql, (*ended[1], *began[1])


@dataclass(frozen=True)
class Histogram:
    """Ended work of one kind: how many took at most each of BUCKETS_S, how many in all, and seconds together."""

    kind: str
    at_most: tuple[int, ...]
    count: int
    total_s: float


@dataclass(frozen=True)
class Usual:
    """Seconds that half, and 19 of 20, of the work of one kind took at most."""

    kind: str
    count: int
    half_s: float
    most_s: float


def histograms() -> list[Histogram]:
    """Of all work that ever ended. Rows are grouped by whole seconds in the database: one query."""
    took = Floor(Seconds(F("finished_at"), F("started_at")))
    rows = Job.objects.filter(state__in=ENDED, started_at__isnull=False).annotate(took=took)
    found: dict[str, list[tuple[float, int]]] = {}
    for kind, seconds, n in rows.values_list("kind", "took").annotate(n=Count("pk")).order_by("kind"):
        found.setdefault(kind, []).append((max(0.0, seconds), n))
    return [
        Histogram(
            kind,
            tuple(sum(n for seconds, n in counts if seconds < limit) for limit in BUCKETS_S),
            sum(n for _, n in counts),
            sum(seconds * n for seconds, n in counts),
        )
        for kind, counts in found.items()
    ]


def usual(*, since: datetime) -> list[Usual]:
    """Of the work that ended since then, by kind."""
    rows = Job.objects.filter(state__in=ENDED, started_at__isnull=False, finished_at__gt=since)
    found: dict[str, list[float]] = {}
    for kind, began, ended in rows.values_list("kind", "started_at", "finished_at").order_by("kind"):
        if began and ended:
            found.setdefault(kind, []).append((ended - began).total_seconds())
    return [Usual(kind, len(took), *_half_and_most(took)) for kind, took in found.items()]


def _half_and_most(took: list[float]) -> tuple[float, float]:
    if len(took) == 1:
        return took[0], took[0]
    cuts = quantiles(took, n=20, method="inclusive")
    return cuts[9], cuts[18]
