"""Whether a Dask cluster is still there for what runs on it. Nothing here waits for it without an end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import distributed

from training.engine.learner import xgb
from training.engine.matrices import refused

PATIENCE_S = 30  # for the scheduler to answer, and to come back
LOOK_S = 0.5  # how often the scheduler is asked who is there
NOTICE_S = 5  # within which the scheduler knows that a worker's connection broke
REST_S = 0.1
IDLE_S = 20  # after which whoever holds workers and lets them rest is taken for dead


class Lost(Exception):
    """What vanished with rows that lay there, as a clause: "A worker of the cluster vanished"."""


def there(client: distributed.Client, patience_s: float = PATIENCE_S) -> dict[str, int] | None:
    """The threads of each worker by its address; None when the scheduler does not answer."""
    if client.status != "running":
        return None
    asked = begin(client, _threads(client))
    try:
        found: dict[str, int] = asked.result(patience_s)
    except OSError:
        asked.cancel()
        return None
    return found


async def _threads(client: distributed.Client) -> dict[str, int]:
    """Client.scheduler_info may answer without workers: its own clock overwrites it."""
    found: dict[str, int] = await client.nthreads()
    return found


def begin(client: distributed.Client, work: Coroutine[Any, Any, Any]) -> Future[Any]:
    """Let this run on the client's loop, where every call of distributed is awaited and can be given up."""
    loop: Any = client.loop
    return asyncio.run_coroutine_threadsafe(work, loop.asyncio_loop)


def answer(client: distributed.Client, work: Coroutine[Any, Any, Any]) -> Any:
    """What the scheduler says to this. Raises Lost."""
    asked = begin(client, work)
    try:
        return asked.result(PATIENCE_S)
    except OSError as error:
        asked.cancel()
        raise Lost("The scheduler of the cluster vanished") from error


@dataclass
class Held:
    """Something that runs on the cluster for as long as these workers are there."""

    client: distributed.Client
    workers: Sequence[str]
    running: Future[Any]
    line: Any = field(init=False)
    asked: Future[dict[str, int]] | None = field(default=None, init=False)
    asked_at: float = field(default_factory=time.monotonic, init=False)
    freeing: Future[None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.line = self.client.scheduler_comm

    def look(self) -> None:
        """Raises Lost, and gives up what runs, when a worker or the scheduler is away. It does not wait."""
        try:
            self._look()
        except Lost:
            self.running.cancel()
            raise

    def _look(self) -> None:
        if self.client.status != "running" or self.client.scheduler_comm is not self.line:
            raise Lost("The scheduler of the cluster vanished")  # also when it is back: it knows our rows no more
        since = time.monotonic() - self.asked_at
        if self.asked is None:
            if since >= LOOK_S:
                self.asked, self.asked_at = begin(self.client, _threads(self.client)), time.monotonic()
        elif self.asked.done():
            if self.asked.exception() is not None:
                raise Lost("The scheduler of the cluster vanished")
            if not set(self.workers) <= set(self.asked.result()):
                raise Lost("A worker of the cluster vanished")
            self.asked = None
        elif since >= PATIENCE_S:
            self.asked.cancel()
            raise Lost("The scheduler of the cluster vanished")

    def press(self) -> None:
        """Take the workers from trainings that died. To be called while nothing is heard of what runs."""
        if self.freeing is None or self.freeing.done():
            self.freeing = begin(self.client, self._press())

    async def _press(self) -> None:
        await asyncio.sleep(LOOK_S)
        if not self.running.done():
            await self.client.run_on_scheduler(free, list(self.workers), IDLE_S)

    def result(self) -> Any:
        """What it came to, once it has ended. Raises Untrainable for settings that XGBoost refuses.

        Raises Lost for whatever failed while a worker vanished: Dask and XGBoost have a dozen errors for it, cancelled
        futures, missing keys, broken sockets, wrong states.
        """
        try:
            return self.running.result()
        except Exception as error:
            self._blame(error)
            with refused():
                raise

    def _blame(self, error: Exception) -> None:
        limit = time.monotonic() + NOTICE_S
        while time.monotonic() < limit:
            try:
                self.look()
            except Lost as lost:
                raise lost from error
            time.sleep(REST_S)
        if isinstance(error, concurrent.futures.CancelledError):
            raise Lost("The cluster forgot rows") from error
        if isinstance(error, xgb.core.XGBoostError) and "collective" in str(error):
            raise Lost("The workers of the cluster lost each other") from error


async def free(workers: Sequence[str], idle_s: float, *, dask_scheduler: Any) -> None:
    """Runs on the scheduler: takes these workers from holders that let them rest for `idle_s` seconds.

    xgboost.dask locks its workers for a training and frees them from the process that trains. One that was killed
    never does, and the scheduler, which knows that it is gone, does not know that the lock was its own.
    """
    idle, limit = _idle(dask_scheduler, workers), time.monotonic() + idle_s
    while idle and time.monotonic() < limit:
        await asyncio.sleep(REST_S)
        idle &= _idle(dask_scheduler, workers)
    for holder in idle:
        dask_scheduler.extensions["multi_locks"].release(id=holder)


def _idle(scheduler: Any, workers: Sequence[str]) -> set[str]:
    """Who holds one of these workers while no worker of his has anything to do."""
    locks = scheduler.extensions["multi_locks"]
    holders = {locks.locks[worker][0] for worker in workers if locks.locks.get(worker)}
    busy = {address for address, worker in scheduler.workers.items() if worker.processing}
    return {holder for holder in holders if not busy & locks.requests[holder]}
