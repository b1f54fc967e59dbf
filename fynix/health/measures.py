"""The figures of the moment: queues, workers, work that ended, storage, Redis, and the feeds of running trainings.

What only Redis knows is None while Redis is away; everything else is asked of the database and the disk.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, Sum
from redis.exceptions import RedisError

from accounts.models import Allowance, StorageCharge
from fynix import env, redis
from fynix.feed import stream
from fynix.observability import presence
from fynix.queue.models import Job, State
from training.models import Run

HOUR = timedelta(hours=1)
MOST_RUNS = 200  # running trainings that are looked at one by one
USUAL_RUNS = 20  # newest ended runs of a project that say how long one usually takes
LEAST_RUNS = 5  # fewer say nothing


@dataclass(frozen=True)
class Queue:
    """Work of one kind. `oldest_s` is how long the oldest has waited; `workers` None while Redis is away."""

    kind: str
    waiting: int
    oldest_s: float
    running: int
    workers: int | None


@dataclass(frozen=True)
class Ended:
    """Work of one kind that ended within the last hour; `lost` counts attempts whose worker vanished."""

    kind: str
    succeeded: int
    failed: int
    cancelled: int
    starved: int
    lost: int

    @property
    def failed_share(self) -> float:
        whole = self.succeeded + self.failed
        return self.failed / whole if whole else 0.0


@dataclass(frozen=True)
class Training:
    """A run under way: seconds since it began and since its last event. `usual_s` of its project's runs, 0: unknown."""

    run: str
    name: str
    running_s: float
    silent_s: float
    usual_s: float
    behind: int


@dataclass(frozen=True)
class Store:
    """Bytes: stored by kind, promised to uploads, and the disk of the data folder."""

    kinds: dict[str, int]
    promised: int
    disk_free: int
    disk: int

    @property
    def held(self) -> int:
        return sum(self.kinds.values())

    @property
    def free_share(self) -> float:
        return self.disk_free / self.disk


@dataclass(frozen=True)
class Memory:
    """Bytes that Redis uses, of those that it may use."""

    used: int
    limit: int

    @property
    def used_share(self) -> float:
        return self.used / self.limit if self.limit else 0.0


@dataclass(frozen=True)
class Measures:
    """All figures of one moment."""

    at: datetime
    queues: tuple[Queue, ...]
    ended: tuple[Ended, ...]
    trainings: tuple[Training, ...]
    store: Store
    full_projects: tuple[tuple[str, str, float], ...]
    memory: Memory | None
    schedule_turns: bool | None
    workers: tuple[presence.Worker, ...] | None


def measure(*, at: datetime) -> Measures:
    """Look at everything. Costs about ten queries and one for every hundred running trainings."""
    workers = _workers()
    return Measures(
        at=at,
        queues=tuple(_queues(workers, at)),
        ended=tuple(_ended(at)),
        trainings=tuple(_trainings(at)),
        store=_store(),
        full_projects=tuple(_full()),
        memory=_memory(),
        schedule_turns=_schedule_turns(),
        workers=workers,
    )


def _workers() -> tuple[presence.Worker, ...] | None:
    try:
        return tuple(presence.workers())
    except RedisError:
        return None


def _queues(workers: tuple[presence.Worker, ...] | None, at: datetime) -> list[Queue]:
    rows = Job.objects.filter(state__in=(State.QUEUED, State.RUNNING)).values("kind")
    found: dict[str, dict[str, Any]] = {
        row["kind"]: {**row}
        for row in rows.annotate(
            waiting=Count("pk", filter=Q(state=State.QUEUED)),
            running=Count("pk", filter=Q(state=State.RUNNING)),
            since=Min("created_at", filter=Q(state=State.QUEUED)),
        )
    }
    queues = []
    for kind in settings.JOB_KINDS:
        row = found.get(kind, {"waiting": 0, "running": 0, "since": None})
        oldest = (at - row["since"]).total_seconds() if row["since"] else 0.0
        serving = None if workers is None else sum(worker.serves(kind) for worker in workers)
        queues.append(Queue(kind, row["waiting"], max(0.0, oldest), row["running"], serving))
    return queues


def _ended(at: datetime) -> list[Ended]:
    lately = Q(finished_at__gt=at - HOUR)
    starved = Q(error_code__in=("out_of_memory", "worker_lost"))
    rows = Job.objects.filter(lately | Q(losses__gt=0, heartbeat_at__gt=at - HOUR)).values("kind")
    found: dict[str, dict[str, Any]] = {
        row["kind"]: {**row}
        for row in rows.annotate(
            succeeded=Count("pk", filter=lately & Q(state=State.SUCCEEDED)),
            failed=Count("pk", filter=lately & Q(state=State.FAILED)),
            cancelled=Count("pk", filter=lately & Q(state=State.CANCELLED)),
            starved=Count("pk", filter=lately & Q(state=State.FAILED) & starved),
            lost=Sum("losses", filter=Q(heartbeat_at__gt=at - HOUR), default=0),
        )
    }
    none: dict[str, Any] = {"succeeded": 0, "failed": 0, "cancelled": 0, "starved": 0, "lost": 0}
    return [Ended(**(none | {"kind": kind} | found.get(kind, {}))) for kind in settings.JOB_KINDS]


def _trainings(at: datetime) -> list[Training]:
    runs = Run.objects.filter(job__state=State.RUNNING).select_related("job", "project")
    under_way = list(runs.annotate(heard=Max("events__at")).order_by("job__started_at")[:MOST_RUNS])
    usual = {project: _usual_s(project) for project in {run.project_id for run in under_way}}
    behind = _behind(under_way)
    return [
        Training(
            run=run.pk,
            name=f"{run.project.slug} run {run.number}",
            running_s=_since(run.job.started_at, at),
            silent_s=_since(max(filter(None, (run.heard, run.job.started_at)), default=None), at),
            usual_s=usual[run.project_id],
            behind=behind.get(run.pk, 0),
        )
        for run in under_way
    ]


def _since(moment: datetime | None, at: datetime) -> float:
    return max(0.0, (at - moment).total_seconds()) if moment else 0.0


def _usual_s(project: str) -> float:
    ended = Job.objects.filter(run__project=project, state=State.SUCCEEDED).order_by("-finished_at")
    times = list(ended.values_list("started_at", "finished_at")[:USUAL_RUNS])
    took = [(end - start).total_seconds() for start, end in times if start and end]
    return median(took) if len(took) >= LEAST_RUNS else 0.0


def _behind(under_way: Sequence[Run]) -> dict[str, int]:
    """How many events of each run are in the database and not in its replay list; empty while Redis is away."""
    pipe = redis.client(redis.FEED).pipeline(transaction=False)
    for run in under_way:
        pipe.hget(stream.keys(run.pk)[0], "last")
    try:
        lasts = pipe.execute() if under_way else []
    except RedisError:
        return {}
    return {run.pk: max(0, run.last_seq - int(last or 0)) for run, last in zip(under_way, lasts, strict=True)}


def _store() -> Store:
    kinds = StorageCharge.objects.values_list("kind").annotate(total=Sum("size_bytes")).order_by("kind")
    promised = Allowance.objects.aggregate(total=Sum("reserved_bytes", default=0))["total"]
    disk = shutil.disk_usage(env.data_dir())
    return Store(dict(kinds), promised, disk.free, disk.total)


def _full() -> list[tuple[str, str, float]]:
    """Projects that hold 95 % of what they may: id, slug, share."""
    taken = F("used_bytes") + F("reserved_bytes")
    rows = Allowance.objects.filter(limit_bytes__gt=0, limit_bytes__lte=taken / 0.95).select_related("project")
    return [(row.project_id, row.project.slug, row.taken_bytes / row.limit_bytes) for row in rows]


def _memory() -> Memory | None:
    try:
        facts = redis.client(redis.QUEUE).info("memory")
    except RedisError:
        return None
    assert isinstance(facts, dict)  # noqa: S101  the synchronous client answers with facts, not with a promise
    return Memory(int(facts["used_memory"]), int(facts.get("maxmemory") or facts.get("total_system_memory") or 0))


def _schedule_turns() -> bool | None:
    try:
        return presence.schedule_turns()
    except RedisError:
        return None


def codes(*, at: datetime) -> Counter[str]:
    """Why work failed within the last hour: error code to number."""
    failed = Job.objects.filter(state=State.FAILED, finished_at__gt=at - HOUR)
    return Counter(dict(failed.values_list("error_code").annotate(n=Count("pk")).order_by("error_code")))
