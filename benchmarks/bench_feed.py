"""One run's events to many sockets of one server process, against Channels' own groups (channels-redis, pub/sub).

The publisher speaks four times a second, as a training does. Both servers are the same daphne; ours also numbers and
stores every event, checks rights, and takes acknowledgements. CPU is that of the server process alone.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync

from benchmarks import measure
from benchmarks.measure import cpu_s, median
from benchmarks.product import answers, free_port, product, running

PACE_S = 0.25
IDLE_S = 10.0
PER_PERSON = 25
OPEN_AT_ONCE = 20
PATIENCE_S = 60.0
EVENTS_A_BATCH = 10


@dataclass(frozen=True)
class Load:
    """How many sockets listen, and how many batches they are told."""

    sockets: int
    batches: int

    @property
    def events(self) -> int:
        return self.batches * EVENTS_A_BATCH

    @property
    def deliveries(self) -> int:
        return self.sockets * self.events


@dataclass(frozen=True)
class Heard:
    """What the sockets got, and what it cost the server."""

    cpu_s: float
    idle_share: float
    lost: int
    doubled: int
    delay_ms: float


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == "listen":
        print(json.dumps(asyncio.run(listen(**json.loads(sys.stdin.readline())))), flush=True)
        return
    quick = measure.options(__doc__ or "").quick
    load = Load(20, 8) if quick else Load(200, 80)
    with product() as ours:
        heard = feed(load, ours.base.replace("http", "ws"), ours.web)
        port = free_port()
        with running([sys.executable, "-m", "benchmarks.peer_feed", str(port)]) as peer:
            answers(f"http://127.0.0.1:{port}/health/live")
            compared = groups(load, f"ws://127.0.0.1:{port}/ws", peer)
    show(load, heard, compared)


def show(load: Load, heard: Heard, compared: Heard) -> None:
    print(f"{load.sockets} sockets, {load.events} events in {load.batches} batches: {load.deliveries:,} deliveries.")

    def each(found: Heard) -> float:
        return found.cpu_s / load.deliveries * 1e6

    rows = [
        (
            name,
            each(found),
            each(found) / each(compared),
            100 * found.idle_share,
            found.lost,
            found.doubled,
            found.delay_ms,
        )
        for name, found in (("the run feed", heard), ("Channels groups (peer)", compared))
    ]
    header = (
        "",
        "CPU µs for each delivery",
        "÷ peer",
        "CPU while idle, % of a core",
        "lost",
        "doubled",
        "median delay ms",
    )
    measure.table(header, rows)


def feed(load: Load, base: str, server: int) -> Heard:
    from django.utils import timezone

    from accounts import tickets
    from benchmarks import rows
    from training import events

    owner = rows.person("ada")
    people = [rows.person(f"vic{number}") for number in range(-(-load.sockets // PER_PERSON))]
    (run,) = rows.runs(owner, rows.table(owner, rows.project(owner, viewers=tuple(people))), 1)
    words = [tickets.issue(user=people[place // PER_PERSON], run=run.pk) for place in range(load.sockets)]
    plan = {
        "url": f"{base}/ws/v1/runs/{run.pk}/?after_seq=0",
        "words": [["fynix.v1", f"ticket.{word}"] for word in words],
    }

    def publish(step: int) -> None:
        at = timezone.now()
        batch = [
            events.Metric(
                at=at, stage="train", points=(events.Point(step + k + 1, {"valid-logloss": 0.5, "valid-auc": 0.9}),)
            )
            for k in range(EVENTS_A_BATCH)
        ]
        events.publish(run, batch)

    return measured(load, plan, server, publish)


def groups(load: Load, url: str, server: int) -> Heard:
    from channels.layers import get_channel_layer
    from django.utils import timezone

    from benchmarks.peer_feed import GROUP
    from training import events

    layer = get_channel_layer()

    async def speak(step: int) -> None:
        at = timezone.now()
        point = events.Point(step, {"valid-logloss": 0.5, "valid-auc": 0.9})
        common = {
            "v": 1,
            "run": "run_" + "0" * 26,
            "epoch": "ep_" + "0" * 26,
            "ts": at.isoformat(timespec="milliseconds"),
            "type": "metric",
            "stage": "train",
            **events.Metric(at=at, stage="train", points=(point,)).body(),
        }
        batch = [{**common, "seq": step + k + 1} for k in range(EVENTS_A_BATCH)]
        await layer.group_send(GROUP, {"type": "batch", "events": batch})

    return measured(load, {"url": url, "words": [[]] * load.sockets}, server, async_to_sync(speak))


def measured(load: Load, plan: dict[str, Any], server: int, publish: Any) -> Heard:
    """Open the sockets, sit idle, publish, and count what arrived."""
    with listeners({**plan, "last": load.events}) as child:
        assert child.stdout
        assert child.stdout.readline().strip() == "ready"
        before = cpu_s(server)
        time.sleep(IDLE_S)
        idle = (cpu_s(server) - before) / IDLE_S
        before, due = cpu_s(server), time.monotonic()
        for step in range(0, load.events, EVENTS_A_BATCH):
            publish(step)
            due += PACE_S
            time.sleep(max(0.0, due - time.monotonic()))
        heard = json.loads(child.stdout.readline())
        return Heard(cpu_s(server) - before, idle, **heard)


@contextmanager
def listeners(plan: dict[str, Any]) -> Iterator["subprocess.Popen[str]"]:
    argv = [sys.executable, "-m", "benchmarks.bench_feed", "listen"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin
        child.stdin.write(json.dumps(plan) + "\n")
        child.stdin.flush()
        yield child


async def listen(url: str, words: list[list[str]], last: int) -> dict[str, float]:
    """Open one socket for each list of subprotocols and hear everybody out."""
    places, ready = asyncio.Semaphore(OPEN_AT_ONCE), asyncio.Barrier(len(words) + 1)
    tasks = [asyncio.create_task(_hear(url, each, last, places, ready)) for each in words]
    await ready.wait()
    print("ready", flush=True)
    found = await asyncio.gather(*tasks)
    seqs = [seqs for seqs, _ in found]
    return {
        "lost": sum(last - len(set(each)) for each in seqs),
        "doubled": sum(len(each) - len(set(each)) for each in seqs),
        "delay_ms": median(delay for _, delays in found for delay in delays),
    }


async def _hear(
    url: str, words: list[str], last: int, places: asyncio.Semaphore, ready: asyncio.Barrier
) -> tuple[list[int], list[float]]:
    """The numbers that one socket got, in order, and how many milliseconds after its making each batch came."""
    from datetime import UTC, datetime

    from websockets.asyncio.client import connect

    seqs: list[int] = []
    delays: list[float] = []
    async with places:
        socket = await connect(url, subprotocols=words or None, max_size=None, proxy=None)  # type: ignore[arg-type]
        assert json.loads(await socket.recv())["type"] == "subscribed"
    await ready.wait()
    try:
        while not seqs or max(seqs) < last:
            frame = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
            if frame["type"] == "batch":
                seqs += [event["seq"] for event in frame["events"]]
                made = datetime.fromisoformat(frame["events"][-1]["ts"])
                delays.append((datetime.now(UTC) - made).total_seconds() * 1000)
                if words:
                    await socket.send(json.dumps({"op": "ack", "seq": seqs[-1]}))
    except TimeoutError:
        return seqs, delays
    finally:
        await socket.close()
    return seqs, delays


if __name__ == "__main__":
    main()
