"""One Redis subscription for each server process, shared by all its sockets.

The channel layer is not used for events: measured on this stack it costs four times the CPU of this hub per
delivery, and its core form drops silently above its capacity.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from prometheus_client import Counter, Gauge
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from fynix import redis
from fynix.feed import stream
from fynix.feed.endings import end

log = structlog.get_logger(__name__)

BOUND = 1000  # events that wait for one socket; beyond that the socket reads from storage again
ACK_S = 1.0  # longest wait for Redis to confirm a subscription
RETRY_S = 1.0  # between attempts to reach Redis; sockets read the database at this pace meanwhile

SOCKETS = Gauge("fynix_sockets", "Sockets that this process feeds.", registry=None)
REREADS = Counter("fynix_feed_rereads", "Times that a socket of this process had to read from storage.", registry=None)


class Listener:
    """What one socket has yet to take. It starts out behind, so that the first thing taken is a read of storage."""

    def __init__(self) -> None:
        self.confirmed = asyncio.Event()
        self._events: deque[dict[str, Any]] = deque()
        self._behind = True
        self._woken = asyncio.Event()
        self._woken.set()

    def hear(self, events: list[dict[str, Any]]) -> None:
        if len(self._events) + len(events) > BOUND:
            self.lose()
            return
        self._events.extend(events)
        self._woken.set()

    def lose(self) -> None:
        """Something may have been missed: what was heard is dropped in favour of storage."""
        self._events.clear()
        self._behind = True
        self._woken.set()
        REREADS.inc()

    async def take(self, *, gather_s: float) -> list[dict[str, Any]] | None:
        """Wait for news and gather it for a moment; None means: read from storage instead."""
        await self._woken.wait()
        if not self._behind:
            await asyncio.sleep(gather_s)
        self._woken.clear()
        if self._behind:
            self._behind = False
            return None
        events = list(self._events)
        self._events.clear()
        return events


class Hub:
    """The subscription of the running event loop. Channels are counted: the last listener closes them."""

    _hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()

    def __init__(self) -> None:
        self.client = redis.aclient(redis.FEED)
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._pubsub: PubSub | None = None

    @classmethod
    def here(cls) -> "Hub":
        loop = asyncio.get_running_loop()
        if loop not in cls._hubs:
            cls._hubs[loop] = cls()
        return cls._hubs[loop]

    @asynccontextmanager
    async def listen(self, run: str) -> AsyncIterator[Listener]:
        """Hear the run's events from now on; waits at most ACK_S for Redis to confirm."""
        name, listener = stream.channel(run), Listener()
        await self._join(name, listener)
        SOCKETS.inc()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.confirmed.wait(), ACK_S)
            yield listener
        finally:
            SOCKETS.dec()
            await self._leave(name, listener)

    async def _join(self, name: str, listener: Listener) -> None:
        first = name not in self._listeners
        self._listeners[name].add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._serve())
        elif not first:
            listener.confirmed.set()
        elif self._pubsub is not None:
            with suppress(RedisError, OSError):  # the serving task sees the same failure and starts over
                await self._pubsub.subscribe(name)

    async def _leave(self, name: str, listener: Listener) -> None:
        self._listeners[name].discard(listener)
        if self._listeners[name]:
            return
        del self._listeners[name]
        if self._listeners:
            if self._pubsub is not None:
                with suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(name)
            return
        task, self._task = self._task, None
        if task is not None:
            await end(task)
        if not self._listeners:
            await self.client.aclose()

    async def _serve(self) -> None:
        """Pass on what Redis says until cancelled; while it is away, send everybody to the database."""
        while True:
            try:
                await self._subscribe_and_pass_on()
            except (RedisError, OSError) as error:
                log.warning("feed_unreachable", reason=type(error).__name__)
            self._lose_all()
            await asyncio.sleep(RETRY_S)

    async def _subscribe_and_pass_on(self) -> None:
        async with redis.aclient(redis.FEED, blocking=True) as client, client.pubsub() as pubsub:
            asked = set(self._listeners)
            await pubsub.subscribe(*asked)
            self._pubsub = pubsub
            try:
                if late := self._listeners.keys() - asked:  # who came while Redis was being asked
                    await pubsub.subscribe(*late)
                async for message in pubsub.listen():
                    self._pass_on(message)
            finally:
                if self._pubsub is pubsub:
                    self._pubsub = None

    def _pass_on(self, message: dict[str, Any]) -> None:
        there = self._listeners.get(message["channel"].decode(), ())
        if message["type"] == "message":
            events = json.loads(message["data"])
            for listener in there:
                listener.hear(events)
        elif message["type"] == "subscribe":
            for listener in there:
                listener.lose()
                listener.confirmed.set()

    def _lose_all(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.lose()
