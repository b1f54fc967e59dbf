"""The figures of every minute, kept for the charts."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from fynix.alerts.models import Reading
from fynix.health.measures import Measures

EVERY = timedelta(seconds=55)
KEPT = timedelta(days=14)


@dataclass(frozen=True)
class Point:
    """Jobs that wait and run and workers, by queue; seconds of the longest wait; bytes."""

    waiting: dict[str, int]
    running: dict[str, int]
    workers: dict[str, int]
    oldest_s: float
    stored: int
    disk_free: int
    schema_version: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Point":
        return cls(**data)


def keep(seen: Measures) -> None:
    """Note these figures, unless that was done a moment ago."""
    if Reading.objects.filter(at__gt=seen.at - EVERY).exists():
        return
    point = Point(
        waiting={queue.kind: queue.waiting for queue in seen.queues},
        running={queue.kind: queue.running for queue in seen.queues},
        workers={queue.kind: queue.workers for queue in seen.queues if queue.workers is not None},
        oldest_s=round(max((queue.oldest_s for queue in seen.queues), default=0.0), 1),
        stored=seen.store.held,
        disk_free=seen.store.disk_free,
    )
    Reading.objects.get_or_create(at=seen.at, defaults={"document": point.to_json()})


def since(moment: datetime) -> list[tuple[datetime, Point]]:
    """All points after this moment, in their order."""
    rows = Reading.objects.filter(at__gt=moment).order_by("at").values_list("at", "document")
    return [(at, Point.from_json(document)) for at, document in rows]


def expire(*, at: datetime) -> None:
    """Forget what is older than KEPT."""
    Reading.objects.filter(at__lt=at - KEPT).delete()
