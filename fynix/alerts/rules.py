"""The rules: what is looked at, from when on it counts, how long it must last, and the sentence that people read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fynix.alerts.models import Alert, Severity
from fynix.health.measures import Measures
from fynix.templatetags.figures import duration, number, percent

SERVER = "server"  # the subject of what concerns all of it
LEAST_FAILED = 3  # one failure of one job is no trend
MUCH_WORSE = 6  # times the limit of waiting that is critical
UNUSUAL = 3  # times the usual length of a training
LITTLE_DISK, NO_DISK = 0.10, 0.05  # free share
FULL_MEMORY = 0.80  # used share of what Redis may use
LATE_EVENTS_S = 15


@dataclass(frozen=True)
class Breach:
    """A thing for which a rule does not hold. `value` and `bound` are in the rule's unit."""

    subject: str
    name: str
    value: float
    bound: float
    severity: Severity = Severity.WARNING


@dataclass(frozen=True)
class Rule:
    """`breaches` finds what breaks it; what does so for `lasts_s` is told. `shown` writes its values."""

    key: str
    lasts_s: float
    sentence: str | Promise
    advice: str | Promise
    breaches: Callable[[Measures], Iterator[Breach]]
    shown: Callable[[float], str] = number


def slow_queues(seen: Measures) -> Iterator[Breach]:
    limit = settings.ALERT_WAIT_SECONDS
    for queue in seen.queues:
        if queue.oldest_s > limit:
            severity = Severity.CRITICAL if queue.oldest_s > limit * MUCH_WORSE else Severity.WARNING
            yield Breach(queue.kind, queue.kind, queue.oldest_s, limit, severity)


def long_queues(seen: Measures) -> Iterator[Breach]:
    limit = settings.ALERT_WAITING_JOBS
    for queue in seen.queues:
        if queue.waiting > limit:
            yield Breach(queue.kind, queue.kind, queue.waiting, limit)


def unserved_queues(seen: Measures) -> Iterator[Breach]:
    for queue in seen.queues:
        if queue.waiting and queue.workers == 0:
            yield Breach(queue.kind, queue.kind, queue.waiting, 0, Severity.CRITICAL)


def failing_work(seen: Measures) -> Iterator[Breach]:
    limit = settings.ALERT_FAILED_PERCENT / 100
    for ended in seen.ended:
        if ended.failed >= LEAST_FAILED and ended.failed_share > limit:
            yield Breach(ended.kind, ended.kind, ended.failed_share, limit)


def starved_work(seen: Measures) -> Iterator[Breach]:
    for ended in seen.ended:
        if ended.starved:
            yield Breach(ended.kind, ended.kind, ended.starved, 0)


def lost_workers(seen: Measures) -> Iterator[Breach]:
    for ended in seen.ended:
        if ended.lost:
            yield Breach(ended.kind, ended.kind, ended.lost, 0)


def silent_runs(seen: Measures) -> Iterator[Breach]:
    for training in seen.trainings:
        if training.silent_s > settings.ALERT_SILENT_SECONDS:
            yield Breach(training.run, training.name, training.silent_s, settings.ALERT_SILENT_SECONDS)


def endless_runs(seen: Measures) -> Iterator[Breach]:
    for training in seen.trainings:
        limit = max(UNUSUAL * training.usual_s, settings.ALERT_SILENT_SECONDS)
        if training.usual_s and training.running_s > limit:
            yield Breach(training.run, training.name, training.running_s, limit)


def little_disk(seen: Measures) -> Iterator[Breach]:
    if seen.store.free_share < LITTLE_DISK:
        severity = Severity.CRITICAL if seen.store.free_share < NO_DISK else Severity.WARNING
        yield Breach(SERVER, "disk", seen.store.free_share, LITTLE_DISK, severity)


def full_projects(seen: Measures) -> Iterator[Breach]:
    for project, slug, share in seen.full_projects:
        yield Breach(project, slug, share, 0.95)


def redis_away(seen: Measures) -> Iterator[Breach]:
    if seen.memory is None:
        yield Breach(SERVER, "Redis", 0, 0, Severity.CRITICAL)


def redis_full(seen: Measures) -> Iterator[Breach]:
    if seen.memory is not None and seen.memory.used_share > FULL_MEMORY:
        yield Breach(SERVER, "Redis", seen.memory.used_share, FULL_MEMORY)


def schedule_silent(seen: Measures) -> Iterator[Breach]:
    if seen.schedule_turns is False:
        yield Breach(SERVER, "schedule", 0, 0, Severity.CRITICAL)


def late_feeds(seen: Measures) -> Iterator[Breach]:
    for training in seen.trainings:
        if training.behind:
            yield Breach(training.run, training.name, training.behind, 0)


few = partial(percent, digits=0)
RULES: tuple[Rule, ...] = (
    Rule("queue:unserved", 60, _("No worker serves the queue {name}, in which jobs wait: {value}."),
         _("Start a worker for it, or look into its log."), unserved_queues),
    Rule("queue:slow", 0, _("A job of the queue {name} has waited for {value}, longer than {bound}."),
         _("Start more workers, or find out what holds the ones there are."), slow_queues, duration),
    Rule("queue:long", 300, _("{value} jobs wait in the queue {name}, more than {bound}."),
         _("Start more workers."), long_queues),
    Rule("work:failing", 0, _("{value} of the jobs of the queue {name} failed within the last hour."),
         _("Their causes are under “Failures” on the monitoring page."), failing_work, few),
    Rule("work:starved", 0, _("Jobs of the queue {name} failed within the last hour for want of memory: {value}."),
         _("Give the workers more memory, or set FYNIX_JOB_MEMORY_BYTES."), starved_work),
    Rule("worker:lost", 0, _("Workers vanished within the last hour with jobs of the queue {name}: {value}."),
         _("Look into the log of the workers and of the machine for what ended them."), lost_workers),
    Rule("run:silent", 0, _("{name} has said nothing for {value}."),
         _("Look at its log; cancel it if it hangs."), silent_runs, duration),
    Rule("run:endless", 0, _("{name} has been running for {value}, three times as long as usual."),
         _("Look at its page; cancel it if it hangs."), endless_runs, duration),
    Rule("storage:disk", 60, _("Only {value} of the disk is free."),
         _("Free some space, or move the data folder to a larger disk."), little_disk, percent),
    Rule("storage:project", 0, _("The project {name} holds {value} of what it may."),
         _("Give it more room in the administration, or ask its owner to delete something."), full_projects, few),
    Rule("redis:away", 30, _("Redis does not answer."),
         _("Start it. Work waits meanwhile and nothing is lost."), redis_away),
    Rule("redis:full", 60, _("Redis uses {value} of its memory."),
         _("Give it more: above its limit no work can be started."), redis_full, few),
    Rule("schedule:silent", 60, _("The schedule takes no turns."),
         _("Start it: jobs of vanished workers and abandoned uploads wait for it."), schedule_silent),
    Rule("feed:late", LATE_EVENTS_S, _("The live page of {name} lacks events: {value}."),
         _("Look whether Redis answers. Pages read the database meanwhile."), late_feeds),
)  # fmt: skip
BY_KEY = {rule.key: rule for rule in RULES}


def sentence(alert: Alert) -> str:
    """What is wrong, for people; of a rule that is no more, its key."""
    rule = BY_KEY.get(alert.rule)
    if rule is None:
        return f"{alert.rule}: {alert.name}"
    return str(rule.sentence).format(name=alert.name, value=rule.shown(alert.value), bound=rule.shown(alert.bound))


def advice(alert: Alert) -> str:
    """What to do about it."""
    rule = BY_KEY.get(alert.rule)
    return str(rule.advice) if rule else ""
