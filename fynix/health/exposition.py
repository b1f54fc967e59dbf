"""The figures as Prometheus reads them. Labels are kinds, states and codes: never a person, a project or a run."""

from collections.abc import Iterator

from django.db.models import Count, Sum
from django.utils.timezone import now
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fynix.feed import hub
from fynix.health import durations, measures
from fynix.health.measures import Measures, Queue
from fynix.queue.models import ENDED, Job
from training.models import Run

QUEUE_FACTS = {
    "waiting": "Jobs that wait.",
    "oldest_s": "Seconds that the oldest has waited.",
    "running": "Jobs that a worker holds.",
    "workers": "Workers that serve the queue and asked for work within a minute.",
}


def written() -> bytes:
    """The text format 0.0.4, from the database, Redis and this process."""
    registry = CollectorRegistry()
    registry.register(_Product())
    for counted in (hub.SOCKETS, hub.REREADS):
        registry.register(counted)
    return generate_latest(registry)


class _Product(Collector):
    def collect(self) -> Iterator[Metric]:
        seen = measures.measure(at=now())
        yield from _queues(seen.queues)
        yield from _work()
        yield from _storage(seen)
        yield from _redis(seen)
        yield from _feed(seen)


def _queues(queues: tuple[Queue, ...]) -> Iterator[Metric]:
    for fact, about in QUEUE_FACTS.items():
        gauge = GaugeMetricFamily(f"fynix_queue_{fact.replace('_s', '_seconds')}", about, labels=["queue"])
        for queue in queues:
            value = getattr(queue, fact)
            if value is not None:
                gauge.add_metric([queue.kind], value)
        yield gauge


def _work() -> Iterator[Metric]:
    ended = CounterMetricFamily("fynix_jobs_ended", "Jobs that ended, and why those failed that did.",
                                labels=["kind", "state", "code"])  # fmt: skip
    rows = Job.objects.filter(state__in=ENDED).values_list("kind", "state", "error_code")
    for kind, state, code, n in rows.annotate(n=Count("pk")).order_by("kind", "state", "error_code"):
        ended.add_metric([kind, state, code], n)
    yield ended
    took = HistogramMetricFamily(
        "fynix_job_duration_seconds", "From the last claim of a job to its end.", labels=["kind"]
    )
    for each in durations.histograms():
        limits = [*map(str, map(float, durations.BUCKETS_S)), "+Inf"]
        took.add_metric([each.kind], list(zip(limits, (*each.at_most, each.count), strict=True)), each.total_s)
    yield took
    lost = Job.objects.aggregate(n=Sum("losses", default=0))["n"]
    yield CounterMetricFamily("fynix_job_losses", "Attempts whose worker vanished.", value=lost)


def _storage(seen: Measures) -> Iterator[Metric]:
    held = GaugeMetricFamily("fynix_storage_bytes", "Bytes stored, by what they are.", labels=["kind"])
    for kind, size in seen.store.kinds.items():
        held.add_metric([kind], size)
    yield held
    yield GaugeMetricFamily("fynix_storage_promised_bytes", "Bytes promised to uploads.", value=seen.store.promised)
    yield GaugeMetricFamily(
        "fynix_disk_free_bytes", "Free bytes of the data folder's disk.", value=seen.store.disk_free
    )
    yield GaugeMetricFamily("fynix_disk_bytes", "Bytes of the data folder's disk.", value=seen.store.disk)
    full = len(seen.full_projects)
    yield GaugeMetricFamily("fynix_projects_full", "Projects that hold 95 % of what they may.", value=full)


def _redis(seen: Measures) -> Iterator[Metric]:
    yield GaugeMetricFamily("fynix_redis_up", "Whether Redis answers.", value=seen.memory is not None)
    if seen.memory is not None:
        yield GaugeMetricFamily("fynix_redis_used_bytes", "Bytes that Redis uses.", value=seen.memory.used)
        yield GaugeMetricFamily("fynix_redis_limit_bytes", "Bytes that Redis may use.", value=seen.memory.limit)
    if seen.schedule_turns is not None:
        yield GaugeMetricFamily("fynix_schedule_up", "Whether the schedule takes turns.", value=seen.schedule_turns)


def _feed(seen: Measures) -> Iterator[Metric]:
    said = Run.objects.aggregate(n=Sum("last_seq", default=0))["n"]
    yield CounterMetricFamily("fynix_feed_events", "Events of all runs.", value=said)
    behind = sum(training.behind for training in seen.trainings)
    yield GaugeMetricFamily("fynix_feed_behind", "Events that replay lists lack.", value=behind)
    silent = max((training.silent_s for training in seen.trainings), default=0.0)
    yield GaugeMetricFamily("fynix_runs_silent_seconds", "Longest silence of a running training.", value=silent)
