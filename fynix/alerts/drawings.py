"""Charts of the monitoring page: lines over the last day, drawn by the server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncHour
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from fynix.alerts.points import Point
from fynix.queue.models import ENDED, Job, State
from fynix.templatetags.figures import bytes_, duration, number

DAY = timedelta(days=1)
WIDTH, HEIGHT = 600, 160
MOST_POINTS = 288  # of a line: one for every five minutes of a day
TABLE_ROWS = 24

Series = dict[str, list[float]]


@dataclass(frozen=True)
class Line:
    """One series: its name, `x,y` pairs for a polyline, and the number of its colour."""

    name: str
    points: str
    look: int


@dataclass(frozen=True)
class Chart:
    """A drawing with what a table of it needs. `top` is the value of its upper edge, as people read it."""

    title: str | Promise
    summary: str
    lines: tuple[Line, ...]
    top: str
    begins: str
    ends: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def of_readings(readings: Sequence[tuple[datetime, Point]]) -> list[Chart]:
    """What waits, what runs, who works, and what is stored. Empty until there are two readings."""
    kept = thinned(readings)
    if len(kept) < 2:
        return []
    moments = [moment for moment, _ in kept]
    kinds = sorted({kind for _, point in kept for kind in point.waiting})

    def by_kind(figures: Callable[[Point], dict[str, int]]) -> Series:
        return {kind: [figures(point).get(kind, 0) for _, point in kept] for kind in kinds}

    return [
        _chart(_("Jobs that wait"), moments, by_kind(lambda point: point.waiting), number),
        _chart(_("The longest wait"), moments, {"": [point.oldest_s for _, point in kept]}, duration),
        _chart(_("Jobs that run"), moments, by_kind(lambda point: point.running), number),
        _chart(_("Workers"), moments, by_kind(lambda point: point.workers), number),
        _chart(_("Bytes stored"), moments, {"": [point.stored for _, point in kept]}, bytes_),
        _chart(_("Free on the disk"), moments, {"": [point.disk_free for _, point in kept]}, bytes_),
    ]


def of_work(*, at: datetime) -> Chart:
    """How many jobs succeeded and failed in each hour of the last day."""
    rows = Job.objects.filter(state__in=ENDED, finished_at__gt=at - DAY).annotate(hour=TruncHour("finished_at"))
    counted = {
        row["hour"]: row
        for row in rows.values("hour").annotate(
            good=Count("pk", filter=Q(state=State.SUCCEEDED)), bad=Count("pk", filter=Q(state=State.FAILED))
        )
    }
    first = (at - DAY).replace(minute=0, second=0, microsecond=0)
    hours = [first + timedelta(hours=step) for step in range(25)]
    none = {"good": 0, "bad": 0}
    series: Series = {
        str(_("succeeded")): [counted.get(hour, none)["good"] for hour in hours],
        str(_("failed")): [counted.get(hour, none)["bad"] for hour in hours],
    }
    return _chart(_("Jobs that ended, by the hour"), hours, series, number)


def thinned(readings: Sequence[tuple[datetime, Point]]) -> list[tuple[datetime, Point]]:
    """At most MOST_POINTS of them, evenly, the newest among them."""
    step = max(1, -(-len(readings) // MOST_POINTS))
    return [*reversed(list(reversed(readings))[::step])]


def _chart(title: str | Promise, moments: Sequence[datetime], series: Series, shown: Callable[[float], str]) -> Chart:
    top = max((value for values in series.values() for value in values), default=0) or 1
    begin = moments[0].timestamp()
    length = max(1.0, moments[-1].timestamp() - begin)

    def drawn(values: Sequence[float]) -> str:
        return " ".join(_place(at, value, begin, length, top) for at, value in zip(moments, values, strict=True))

    lines = tuple(Line(name, drawn(values), look) for look, (name, values) in enumerate(series.items(), start=1))
    newest = ", ".join(f"{name} {shown(values[-1])}".strip() for name, values in series.items())
    step = max(1, len(moments) // TABLE_ROWS)
    rows = tuple(
        (_clock(moments[index]), *(shown(values[index]) for values in series.values()))
        for index in range(len(moments) - 1, -1, -step)
    )
    names = tuple(name or str(title) for name in series)
    return Chart(
        title, newest, lines, shown(top), _clock(moments[0]), _clock(moments[-1]), (str(_("Time")), *names), rows
    )


def _place(moment: datetime, value: float, begin: float, length: float, top: float) -> str:
    across = WIDTH * (moment.timestamp() - begin) / length
    return f"{across:.1f},{HEIGHT * (1 - value / top):.1f}"


def _clock(moment: datetime) -> str:
    return f"{localtime(moment):%d %b %H:%M}"
