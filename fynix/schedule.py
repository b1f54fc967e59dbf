"""What happens by the clock, as a table: how often, and which verb."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from apscheduler.schedulers.blocking import BlockingScheduler
from django.db import close_old_connections
from django.utils import timezone

from accounts import audit, families, invitations, letters, notifications
from datasets import unread, uploads
from fynix.alerts import watch
from fynix.observability import presence
from fynix.queue import jobs
from fynix.retention import expiry
from fynix.safekeeping import strays

log = structlog.get_logger(__name__)

TABLE: dict[str, tuple[int, Callable[..., object]]] = {
    "sweep jobs": (5, jobs.sweep),
    "watch": (10, watch.turn),
    "send letters": (30, letters.send),
    "expire uploads": (3600, uploads.expire),
    "expire unread files": (3600, unread.expire),
    "expire files": (21_600, expiry.turn),
    "remove strays": (21_600, strays.remove),
    "expire token families": (86_400, families.expire),
    "expire invitations": (86_400, invitations.expire),
    "expire notifications": (86_400, notifications.expire),
    "tell the end of the record": (86_400, audit.tell_head),
    "expire alerts": (86_400, watch.expire),
}
"""Name to seconds between two turns, and a verb that takes the present moment as `at`."""


def build() -> BlockingScheduler:
    """A scheduler with every line of the table: late turns are made up for once, and none overlaps itself."""
    scheduler = BlockingScheduler(timezone="UTC")
    for name, (seconds, verb) in TABLE.items():
        scheduler.add_job(
            partial(turn, name, verb), "interval", seconds=seconds, name=name, coalesce=True, max_instances=1,
            misfire_grace_time=None, next_run_time=datetime.now(scheduler.timezone),
        )  # fmt: skip
    return scheduler


def turn(name: str, verb: Callable[..., object]) -> None:
    """One turn; whatever fails is logged, and the next turn comes all the same."""
    close_old_connections()
    try:
        verb(at=timezone.now())
        presence.schedule_turned()
    except Exception:
        log.exception("turn_failed", turn=name)
    finally:
        close_old_connections()
