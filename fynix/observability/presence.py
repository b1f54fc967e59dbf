"""Where workers and the schedule say that they are there: for the probe of their container, and for the alerts."""

import json
import os
import socket
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.exceptions import RedisError

from fynix import redis

Role = Literal["worker", "schedule"]

SILENT_S = 60  # a process that was not heard of for so long is taken for stuck
HEARTBEATS = "dramatiq:__heartbeats__"  # where every worker notes, in milliseconds, when it last asked for work
WORKERS = "fynix:workers"  # who each of them is, by the broker's id
SCHEDULE = "fynix:schedule"


@dataclass(frozen=True)
class Worker:
    """A worker process that asked for work lately. Without `queues` it serves all."""

    name: str
    queues: tuple[str, ...]
    silent_s: float

    def serves(self, queue: str) -> bool:
        return not self.queues or queue in self.queues


def key(role: Role) -> str:
    """One worker and one schedule for each container; its name is what container engines put into HOSTNAME."""
    return f"fynix:here:{role}:{_host()}"


def worker_began(broker_id: str, queues: Collection[str]) -> None:
    """The worker of this container is the one that the broker knows under this id, and serves these queues."""
    about = {"name": f"{_host()}:{os.getpid()}", "queues": sorted(queues), "began": time.time()}
    with suppress(RedisError):  # a Redis that is away at the start says so soon enough elsewhere
        redis.client(redis.QUEUE).set(key("worker"), broker_id)
        redis.client(redis.QUEUE).hset(WORKERS, broker_id, json.dumps(about))


def schedule_turned() -> None:
    """The schedule of this container has just taken a turn."""
    with suppress(RedisError):
        redis.client(redis.QUEUE).set(key("schedule"), "turned", ex=SILENT_S)
        redis.client(redis.QUEUE).set(SCHEDULE, "turned", ex=SILENT_S)


def workers() -> Iterator[Worker]:
    """The workers that asked for work within SILENT_S; the others are forgotten. Raises redis.RedisError."""
    queue, now = redis.client(redis.QUEUE), time.time()
    heard: dict[bytes, float] = dict(cast(Any, queue.zrange(HEARTBEATS, 0, -1, withscores=True)))
    known: dict[bytes, bytes] = cast(Any, queue.hgetall(WORKERS))
    for broker_id, told in known.items():
        about = json.loads(told)
        silent_s = now - heard.get(broker_id, 0.0) / 1000
        if silent_s < SILENT_S:
            yield Worker(about["name"], tuple(about["queues"]), silent_s)
        elif now - about["began"] > SILENT_S:
            queue.hdel(WORKERS, broker_id)


def schedule_turns() -> bool:
    """Whether a schedule took a turn within SILENT_S. Raises redis.RedisError."""
    return bool(redis.client(redis.QUEUE).exists(SCHEDULE))


def _host() -> str:
    return os.environ.get("HOSTNAME") or socket.gethostname()
