"""Boosting on a Dask cluster: the rows are spread over its workers, the decisions are made here.

xgboost.dask calls back where the rows are. There a Relay tells the figures of each round through the cluster's event
log and asks whether to go on. The same Watch as on one machine hears them and decides; what was boosted after its
decision is cut off, so a slow message costs seconds and never changes the model. The same rows on the same number of
workers give the same model; another number of workers adds up its histograms in another order.

A worker that vanishes takes its rows with it, and so does a scheduler. They are spread anew over the workers that are
there then, and the segment is boosted once more from its beginning.
"""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dask.array as da
import distributed
import numpy as np
from numpy.typing import NDArray

from training.engine import presence
from training.engine.boost import Lay, Watch
from training.engine.errors import Untrainable
from training.engine.learner import xgb
from training.engine.matrices import Data, Part, binning, curve_sample
from training.engine.presence import Held, Lost
from training.engine.recipes import Candidate
from training.engine.schema import ModelSchema
from training.engine.scorers import Followed

# isort: split
import xgboost.dask as xgb_dask  # only after the learner, which keeps scikit-learn out

LEAST_ROWS = 1000  # of a worker: fewer rows cost more in messages than they save
ASK_S = 0.5  # how often the first worker asks whether to go on
LISTEN_S = 0.1
RETRY_S = 5  # for a scheduler to answer that will be asked again
FORGOTTEN_S = 1  # within which the scheduler finds the word to stop, if it was not taken away
END_S = 10  # for the workers to end a segment that was stopped
RETURN_S = 10  # for a vanished worker to come back before the others go on without it
ALONE_S = 60  # for any worker to come back when none is left
LOSSES = 3  # of workers in one segment: more are no accident
Round = dict[str, float]


def connect(address: str) -> distributed.Client:
    """The cluster behind this scheduler, such as `tcp://10.0.0.5:8786`. Close it after use.

    Raises OSError when the scheduler does not answer, or has no worker.
    """
    client = distributed.Client(address, timeout=presence.PATIENCE_S)  # the default one: arrays look for it
    try:
        client.wait_for_workers(1, timeout=presence.PATIENCE_S)
    except BaseException:
        client.close()
        raise
    return client


def describe(client: distributed.Client) -> str:
    """A sentence about the cluster."""
    threads = (presence.there(client) or {}).values()
    return f"Training on a cluster: {len(threads)} workers, {sum(threads)} threads."


def lay_on(client: distributed.Client) -> Lay:
    """Spreads the data of each candidate over the cluster's workers."""
    return lambda data, schema, candidate, _: Spread(client, data, schema, candidate)


@dataclass
class Spread:
    """The data of one candidate on a cluster, also when workers of it vanish and others come."""

    client: distributed.Client
    data: Data
    schema: ModelSchema
    candidate: Candidate
    laid: _Laid | None = None

    def boost(self, parameters: Mapping[str, Any], rounds: int, native: bytes, watch: Watch) -> bytes:
        """See Ground. Raises Untrainable also when no worker is left, or when they vanish again and again."""
        mark, wanted = watch.mark(), 1
        for _ in range(LOSSES):
            try:
                self.laid = self.laid or self._lay(_gathered(self.client, wanted, watch), watch)
                return self.laid.boost(parameters, rounds, native, watch)
            except Lost as loss:
                what = str(loss)
                watch.rewind(mark)
                wanted = len(self.laid.workers) if self.laid else wanted
                self.laid = None
                again = f"Rounds after round {mark.round} are boosted anew on the workers that are there."
                watch.trainer.observer.log("warning", f"{what}. {again}")
        raise Untrainable(
            "cluster_lost",
            f"{what} again, {LOSSES} times after round {mark.round}, so the run was ended. Workers that are out of "
            "memory vanish like this: give them more, or start more of them, then run again.",
        )

    def _lay(self, workers: Sequence[str], watch: Watch) -> _Laid:
        most = max(1, len(self.data.valid.labels) // LEAST_ROWS)
        chosen = workers[:most]
        laying = _Laid.build(self.client, chosen, self.data, self.schema, self.candidate)
        held = Held(self.client, chosen, presence.begin(self.client, laying))
        try:
            while not wait([held.running], LISTEN_S).done:
                held.look()
                watch.look()
        finally:
            held.running.cancel()
        laid: _Laid = held.result()
        return laid


@dataclass(frozen=True)
class _Laid:
    """Binned data of one candidate, spread over these workers in equal parts."""

    client: distributed.Client
    workers: Sequence[str]
    train: xgb_dask.DaskQuantileDMatrix
    valid: xgb_dask.DaskQuantileDMatrix
    curve: xgb_dask.DaskQuantileDMatrix

    @classmethod
    async def build(
        cls, client: distributed.Client, workers: Sequence[str], data: Data, schema: ModelSchema, candidate: Candidate
    ) -> _Laid:
        options = binning(schema, candidate)

        async def matrix(part: Part, **more: Any) -> Any:
            rows, labels = [await _spread(client, workers, each) for each in (part.matrix, part.labels)]
            return await xgb_dask.DaskQuantileDMatrix(client, rows, labels, **options, **more)

        train = await matrix(data.train)
        sample = curve_sample(data.train)
        curve = train if sample is data.train else await matrix(sample, ref=train)
        return cls(client, workers, train, await matrix(data.valid, ref=train), curve)

    def boost(self, parameters: Mapping[str, Any], rounds: int, native: bytes, watch: Watch) -> bytes:
        """As Ground.boost. Raises Lost."""
        own = {name: value for name, value in parameters.items() if name != "nthread"}
        before = watch.rounds_done
        talk = _Talk(self.client, watch)
        with talk.open() as relay:
            running = presence.begin(self.client, self._train(own, rounds, native, relay))
            booster = talk.follow(Held(self.client, self.workers, running))
        kept = watch.rounds_done
        trees = booster[:kept] if kept < before + rounds else booster
        return bytes(trees.save_raw("ubj"))

    async def _train(self, parameters: Mapping[str, Any], rounds: int, native: bytes, relay: Relay) -> Any:
        return await xgb_dask.train(
            self.client,
            dict(parameters),
            self.train,
            rounds,
            evals=[(self.curve, "train"), (self.valid, "valid")],
            xgb_model=xgb.Booster(model_file=bytearray(native)) if native else None,
            callbacks=[relay],
            custom_metric=relay if relay.followed else None,
            verbose_eval=False,
        )


def _gathered(client: distributed.Client, wanted: int, watch: Watch) -> list[str]:
    """The workers there, in order: `wanted` or more, or fewer after RETURN_S. Raises Untrainable, Cancelled."""
    began = time.monotonic()
    while True:
        known = presence.there(client, RETRY_S)
        workers, waited = sorted(known or {}), time.monotonic() - began
        if len(workers) >= wanted or (workers and waited >= RETURN_S):
            return workers
        if waited >= ALONE_S or client.status == "closed":  # it closes when the scheduler was away for PATIENCE_S
            raise Untrainable("cluster_lost", _alone(known is None, waited))
        watch.look()
        time.sleep(LISTEN_S)


def _alone(is_scheduler: bool, waited: float) -> str:
    if is_scheduler:
        return (
            f"The scheduler of the Dask cluster vanished and did not come back within {waited:.0f} seconds, so the run "
            "was ended. Start it and its workers, or tell whoever looks after this server, then run again."
        )
    return (
        f"No worker of the Dask cluster was left, and none came back within {waited:.0f} seconds. "
        "Start workers, or tell whoever looks after this server, then run again."
    )


class Relay(xgb.callback.TrainingCallback):
    """Runs on every worker: the first tells each round's figures and asks whether to go on, the others follow it.

    It is the segment's custom metric as well, because only that is shown labels and answers, and only the worker's own.
    Workers put theirs together and measure what is `followed` on all of them, each for itself.
    """

    def __init__(self, topic: str, followed: Followed, is_first: bool) -> None:
        super().__init__()
        self.topic, self.followed, self.is_first = topic, followed, is_first
        self.asked_at = 0.0
        self.told = 0
        self.labels = self.answers = np.zeros(0, dtype=np.float32)
        self.faults: dict[str, str] = {}

    def __call__(self, answers: NDArray[np.float32], rows: xgb.DMatrix) -> list[tuple[str, float]]:
        """XGBoost's custom metric, of each set in turn; the one for validation is the last. It adds no metric yet."""
        self.answers = answers
        if not self.told:
            self.labels = rows.get_label()
        return []

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        if self.followed:
            self._measure(evals_log["valid"])
        halt = self._tell_and_ask(evals_log) if xgb.collective.get_rank() == 0 else False
        self.told += 1
        return bool(xgb.collective.broadcast(halt, 0))

    def _measure(self, history: dict[str, list[float]]) -> None:
        if not self.told:
            self.labels = _together(self.labels)
        answers = _together(self.answers)
        if self.is_first and not self.told:
            self.faults = self.followed.faults_of(self.labels, answers)
        for name, value in self.followed.score(self.labels, answers).items():
            history.setdefault(name, []).append(value)

    def _tell_and_ask(self, evals_log: Mapping[str, Any]) -> bool:
        figures = _rounds(
            {part: {name: values[-1:] for name, values in log.items()} for part, log in evals_log.items()}
        )
        event = {"at": self.told, "figures": figures[0], "faults": {} if self.told else self.faults}
        distributed.get_worker().log_event(self.topic, event)
        if time.monotonic() - self.asked_at < ASK_S:
            return False
        self.asked_at = time.monotonic()
        try:
            return bool(_halt(self.topic, distributed.get_client()).get(timeout=FORGOTTEN_S))
        except TimeoutError:  # the word is there before the first round, so whoever trained has given up
            return True


def _together(own: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows of all workers, one worker after the other. Each lays its own between zeros, and the sum is told."""
    sizes = np.zeros(xgb.collective.get_world_size(), dtype=np.int64)
    sizes[xgb.collective.get_rank()] = len(own)
    sizes = xgb.collective.allreduce(sizes, xgb.collective.Op.SUM)
    start = int(sizes[: xgb.collective.get_rank()].sum())
    whole = np.zeros((int(sizes.sum()), *own.shape[1:]), dtype=np.float32)
    whole[start : start + len(own)] = own
    return np.asarray(xgb.collective.allreduce(whole, xgb.collective.Op.SUM)).reshape(whole.shape)


@dataclass
class _Talk:
    """The two lines of one segment: figures come by the event log, the word to stop goes by a variable."""

    client: distributed.Client
    watch: Watch
    topic: str = field(default_factory=lambda: f"fynix-{uuid.uuid4().hex}")
    heard: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    noted: int = 0

    @contextmanager
    def open(self) -> Iterator[Relay]:
        """Raises Lost."""
        self._say(halt=False)
        self.client.subscribe_topic(self.topic, lambda event: self.heard.put(event[1]))
        try:
            yield Relay(self.topic, self.watch.trainer.followed, self.watch.is_first)
        finally:
            if self.client.status != "closed":
                self.client.unsubscribe_topic(self.topic)
                _halt(self.topic, self.client).delete()

    def follow(self, held: Held) -> xgb.Booster:
        """Note round after round until the segment has ended. Events that came late are read from its history.

        Raises Lost, Cancelled, and Untrainable for settings that XGBoost refuses.
        """
        try:
            self._follow(held)
        except Lost:
            raise
        except BaseException:
            self._say(halt=True)
            wait([held.running], END_S)
            held.running.cancel()
            raise
        found = held.result()
        for figures in _rounds(found["history"])[self.noted :]:
            self._note(figures)
        booster: xgb.Booster = found["booster"]
        return booster

    def _follow(self, held: Held) -> None:
        halted = False
        while not held.running.done():
            self._listen()
            held.look()
            self.watch.look()
            if self.watch.done and not halted:
                self._say(halt=True)
                halted = True
            if not self.noted:
                held.press()

    def _say(self, *, halt: bool) -> None:
        """The word to the workers. Raises Lost."""

        async def say() -> None:
            await _halt(self.topic, self.client).set(halt)

        presence.answer(self.client, say())

    def _listen(self) -> None:
        try:
            event = self.heard.get(timeout=LISTEN_S)
        except queue.Empty:
            return
        if event["at"] == self.noted:
            self.watch.warn(event["faults"])
            self._note(event["figures"])

    def _note(self, figures: Round) -> None:
        self.noted += 1
        if not self.watch.done:
            self.watch.note(_told(figures, self.watch.task))


def _halt(topic: str, client: distributed.Client) -> distributed.Variable:
    return distributed.Variable(f"{topic}-halt", client=client)


def _rounds(history: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Round]:
    curves = {f"{part}-{name}": values for part, names in history.items() for name, values in names.items()}
    rounds = zip(*curves.values(), strict=True)
    return [dict(zip(curves, map(float, values), strict=True)) for values in rounds]


def _told(figures: Round, task: str) -> Round:
    """The same curves as on one machine: of the training rows of a binary task the loss only."""
    return {name: value for name, value in figures.items() if task != "binary" or name != "train-auc"}


async def _spread(client: distributed.Client, workers: Sequence[str], rows: NDArray[np.float32]) -> Any:
    """The rows as an array of one part for each worker, lying there."""
    parts = []
    for worker, part in zip(workers, np.array_split(rows, len(workers)), strict=True):
        lying = await client.scatter(part, workers=[worker], hash=False)
        parts.append(da.from_delayed(lying, part.shape, dtype=part.dtype))
    return da.concatenate(parts)
