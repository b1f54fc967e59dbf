"""The run feed over WebSockets: everybody who may see it gets every event once, in order, whatever breaks."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import override_settings
from django.utils import timezone

from accounts import projects, tickets
from accounts.models import Membership, Role, User
from datasets.models import DatasetVersion
from fynix import notices, redis
from fynix.asgi import application
from fynix.queue import jobs
from tests.cast import Cast, api, as_
from tests.make import NOW
from tests.training.conftest import start
from tests.training.test_feed import say
from training import consumers
from training.engine import RunConfig
from training.models import Run

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "localhost:8000"


class Socket:
    """A client of the feed that remembers the events it was given, and acknowledges them."""

    def __init__(self, wire: WebsocketCommunicator) -> None:
        self.wire = wire
        self.seqs: list[int] = []
        self.acks = True

    async def frame(self, within_s: float = 5) -> dict[str, Any]:
        message = await self.wire.receive_output(within_s)
        if message["type"] == "websocket.close":
            raise Closed(message["code"])
        frame: dict[str, Any] = json.loads(message["text"])
        if frame["type"] == "batch":
            self.seqs += [event["seq"] for event in frame["events"]]
            if self.acks:
                await self.wire.send_json_to({"op": "ack", "seq": self.seqs[-1]})
        return frame

    async def until(self, seq: int) -> None:
        while not self.seqs or self.seqs[-1] < seq:
            await self.frame()


class Closed(Exception):
    @property
    def code(self) -> int:
        return int(self.args[0])


def session_of(person: User | None) -> str:
    cookie = as_(person).cookies.get(settings.SESSION_COOKIE_NAME)
    return f"{settings.SESSION_COOKIE_NAME}={cookie.value}" if cookie else ""


@asynccontextmanager
async def listening(
    run: str, person: User | None, *, after: object = 0, origin: str | None = f"http://{HOST}", ticket: str = ""
) -> AsyncIterator[Socket]:
    cookie = "" if ticket else await sync_to_async(session_of)(person)
    headers = [(b"host", HOST.encode()), (b"cookie", cookie.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    words = ["fynix.v1", f"ticket.{ticket}"] if ticket else ["fynix.v1"]
    wire = WebsocketCommunicator(application, f"/ws/v1/runs/{run}/?after_seq={after}", headers, words)
    connected, word = await wire.connect(timeout=5)
    assert connected
    assert word == "fynix.v1"
    try:
        yield Socket(wire)
    finally:
        await wire.disconnect(timeout=5)


async def refused(run: str, person: User | None, **how: Any) -> int:
    async with listening(run, person, **how) as socket:
        with pytest.raises(Closed) as closed:
            await socket.frame()
    return closed.value.code


async def tell(run: Run, *messages: str) -> int:
    return await sync_to_async(say)(run, *messages)


async def test_vic_hears_what_was_before_and_what_comes(run: Run, cast: Cast) -> None:
    await tell(run, "a", "b")
    async with listening(run.pk, cast.vic) as socket:
        hello = await socket.frame()
        await socket.until(3)
        await tell(run, "c")
        await socket.until(4)

    assert hello == {
        "type": "subscribed", "protocol": 1, "run": run.pk, "epoch": run.epoch, "head": 3, "since": 0,
        "recovered": True,
    }  # fmt: skip
    assert socket.seqs == [1, 2, 3, 4]


async def test_ben_sees_his_waiting_run_move_up_when_another_starts(
    run: Run, churn: DatasetVersion, config: RunConfig, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_S", 0.05)
    mine = await sync_to_async(start)(churn, config, cast.ben)
    async with listening(mine.pk, cast.ben) as socket:
        assert (await socket.frame())["type"] == "subscribed"
        waiting = [await socket.frame(), await socket.frame()]
        await sync_to_async(jobs.claim)(job_id=run.job_id, owner="here", at=NOW)
        next_in_line = await socket.frame()

    assert {"type": "queue", "position": 2, "ahead": 1} in waiting
    assert next_in_line == {"type": "queue", "position": 1, "ahead": 0}
    events = await sync_to_async(lambda: api(cast.ben).get(f"/api/v1/runs/{mine.pk}/events").json())()
    assert events["queue_position"] == 1


async def test_a_reload_goes_on_where_the_page_was(run: Run, cast: Cast) -> None:
    await tell(run, *"abcdef")
    async with listening(run.pk, cast.ada, after=4) as socket:
        await socket.until(7)

    assert socket.seqs == [5, 6, 7]


async def test_what_happened_during_a_cut_is_replayed_once(run: Run, cast: Cast) -> None:
    seen: list[int] = []
    for burst in range(4):
        async with listening(run.pk, cast.ada, after=seen[-1] if seen else 0) as socket:
            head = await tell(run, *"abc")
            await socket.until(head)
            seen += socket.seqs
        await tell(run, f"nobody hears this {burst}")

    assert seen == list(range(1, head + 1))


async def test_many_listeners_who_join_while_events_flow_miss_nothing(run: Run, cast: Cast) -> None:
    async def listen() -> list[int]:
        async with listening(run.pk, cast.vic) as socket:
            await socket.until(121)
        return socket.seqs

    async def speak() -> None:
        for number in range(60):
            await tell(run, f"{number} a", f"{number} b")

    async def late(delay_s: float) -> list[int]:
        await asyncio.sleep(delay_s)
        return await listen()

    answers = await asyncio.gather(speak(), *(late(0.03 * place) for place in range(8)))

    assert answers[1:] == [list(range(1, 122))] * 8


async def test_a_flush_of_redis_while_listening_loses_nothing(run: Run, cast: Cast) -> None:
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(1)
        await tell(run, "a")
        redis.client(redis.FEED).flushall()
        await tell(run, "b")
        await socket.until(3)
    async with listening(run.pk, cast.ada, after=0) as again:
        await again.until(3)

    assert socket.seqs == again.seqs == [1, 2, 3]


async def test_a_hole_in_what_redis_passes_on_is_filled_from_the_database(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(1)
        with monkeypatch.context() as away:
            away.setenv("REDIS_URL", "unix:///tmp/nobody-listens-here.sock")
            await tell(run, "Redis never saw this")
        await tell(run, "but this it did")
        await socket.until(3)

    assert socket.seqs == [1, 2, 3]


async def test_a_lost_tail_is_read_from_the_database_though_redis_is_back(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_S", 0.05)
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(1)
        with monkeypatch.context() as away:
            away.setenv("REDIS_URL", "unix:///tmp/nobody-listens-here.sock")
            await tell(run, "the last word, and Redis never saw it")
        await socket.until(2)

    assert socket.seqs == [1, 2]


class OwnRedis:
    """A server that a test may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "r.sock"
        self.start()

    def start(self) -> None:
        argv = [str(redis.find_binary()), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        self.process = subprocess.Popen([*argv, "--dir", str(self.folder)], stdout=subprocess.DEVNULL)
        while not self.socket.exists():
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


@pytest.fixture
def own_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    monkeypatch.setenv("REDIS_URL", f"unix://{server.socket}")
    yield server
    server.kill()


async def test_redis_may_die_and_come_back_while_listening(run: Run, cast: Cast, own_redis: OwnRedis) -> None:
    async with listening(run.pk, cast.ada) as socket:
        await tell(run, "before")
        await socket.until(2)
        own_redis.kill()
        await tell(run, "while Redis is dead")
        await socket.until(3)
        own_redis.start()
        await asyncio.sleep(1.5)
        await tell(run, "after")
        await socket.until(4)

    assert socket.seqs == [1, 2, 3, 4]


async def test_a_page_opens_while_redis_is_dead(run: Run, cast: Cast, own_redis: OwnRedis) -> None:
    own_redis.kill()
    await tell(run, "only the database knows")
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(2)

    assert socket.seqs == [1, 2]


async def test_a_client_with_another_numbering_is_sent_to_the_snapshot(run: Run, cast: Cast) -> None:
    async with listening(run.pk, cast.ada, after=99) as socket:
        hello, gap = await socket.frame(), await socket.frame()
        await tell(run, "from here on")
        await socket.until(2)

    assert (hello["recovered"], gap["type"], gap["to"]) == (False, "gap", 1)
    assert gap["reload"] == f"/api/v1/runs/{run.pk}/snapshot"
    assert socket.seqs == [2]


async def test_a_client_that_was_away_too_long_is_sent_to_the_snapshot(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "FARTHEST", 2)
    head = await tell(run, *"abc")
    async with listening(run.pk, cast.ada, after=head - 3) as socket:
        hello, gap = await socket.frame(), await socket.frame()
    async with listening(run.pk, cast.ada, after=head - 2) as near:
        assert (await near.frame())["recovered"]

    assert (hello["recovered"], gap["type"], gap["to"]) == (False, "gap", head)
    page = await sync_to_async(api(cast.ada).get)(gap["reload"])
    assert page.status_code == 200


async def test_a_client_may_move_back_and_hear_again(run: Run, cast: Cast) -> None:
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(1)
        await socket.wire.send_json_to({"op": "subscribe", "epoch": run.epoch, "since": 0})
        await socket.frame()
        await socket.frame()

    assert socket.seqs == [1, 1]


async def test_one_who_never_reads_is_let_go(run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "WINDOW", 10)
    monkeypatch.setattr(consumers, "PATIENCE_S", 0.2)
    await tell(run, *["line"] * 10)
    async with listening(run.pk, cast.ada) as socket:
        socket.acks = False
        await socket.until(11)
        await tell(run, "one too many")
        with pytest.raises(Closed) as closed:
            await socket.frame()

    assert closed.value.code == 4408


async def test_strangers_and_visitors_learn_nothing(run: Run, cast: Cast) -> None:
    assert await refused(run.pk, cast.mallory) == 4404
    assert await refused(run.pk, cast.sue) == 4404
    assert await refused("run_00000000000000000000000000", cast.ada) == 4404
    assert await refused(run.pk, None) == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9999", None])
async def test_a_page_of_another_site_cannot_use_the_session(run: Run, cast: Cast, origin: str | None) -> None:
    assert await refused(run.pk, cast.ada, origin=origin) == 4403


async def test_a_program_opens_the_feed_with_a_ticket_once(run: Run, cast: Cast) -> None:
    ticket = tickets.issue(user=cast.vic, run=run.pk)
    async with listening(run.pk, None, origin=None, ticket=ticket) as socket:
        await socket.until(1)

    assert await refused(run.pk, None, origin=None, ticket=ticket) == 4401


async def test_a_ticket_is_no_key_to_another_project(run: Run, cast: Cast) -> None:
    stolen = tickets.issue(user=cast.mallory, run=run.pk)
    assert await refused(run.pk, None, origin=None, ticket=stolen) == 4404


async def test_nonsense_is_answered_with_4400(run: Run, cast: Cast) -> None:
    assert await refused(run.pk, cast.ada, after="-1") == 4400
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(1)
        await socket.wire.send_to(text_data="{")
        with pytest.raises(Closed) as closed:
            await socket.frame()
    assert closed.value.code == 4400


async def test_ben_is_removed_from_the_project_and_hears_no_more(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_S", 0.1)
    monkeypatch.setattr(consumers, "HEARTBEAT_S", 0.1)
    async with listening(run.pk, cast.ben) as socket:
        await socket.until(1)
        await Membership.objects.filter(user=cast.ben).adelete()
        with pytest.raises(Closed) as closed:
            await asyncio.wait_for(socket.until(2), 5)  # a heartbeat may come before the end
    assert closed.value.code == 4403


async def test_a_removal_is_heard_at_once_by_those_it_concerns(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_S", 3600)
    async with listening(run.pk, cast.ben) as ben, listening(run.pk, cast.mia) as mia:
        await ben.until(1)
        await mia.until(1)
        await told_of_rights(cast.ben, cast.mia)
        await sync_to_async(lower)(cast, cast.mia)
        await sync_to_async(remove)(cast, cast.ben)
        with pytest.raises(Closed) as closed:
            await to_the_end(ben)
        await tell(run, "Mia may still look")
        await mia.until(2)
    assert closed.value.code == 4403


async def to_the_end(socket: Any) -> None:
    """Read until the socket closes; the notice of why may come first."""
    while True:
        await socket.frame()


async def told_of_rights(*people: User) -> None:
    """Wait until the sockets of these people hear notices."""
    layer = get_channel_layer()
    for _ in range(500):
        if all(any(name.endswith(notices._group(each.pk)) for name in layer.groups) for each in people):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody listens for notices")


def lower(cast: Cast, person: User) -> None:
    member = Membership.objects.get(project=cast.acme, user=person)
    projects.change_role(member, role=Role.VIEWER, by=cast.ada, at=NOW)


def remove(cast: Cast, person: User) -> None:
    projects.remove_member(Membership.objects.get(project=cast.acme, user=person), by=cast.ada, at=NOW)


def test_a_removal_works_while_redis_is_dead(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = {
        "default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": {"hosts": ["unix:///tmp/nobody-listens.sock"]}}
    }
    with override_settings(CHANNEL_LAYERS=nobody):
        remove(cast, cast.ben)

    assert not Membership.objects.filter(project=cast.acme, user=cast.ben).exists()


def test_news_that_comes_in_another_order_is_put_in_order_and_a_hole_is_seen() -> None:
    def news(*seqs: int) -> list[dict[str, Any]]:
        return [{"seq": seq} for seq in seqs]

    assert consumers.unbroken(news(8, 6, 7, 7, 5), after=5) == news(6, 7, 8)
    assert consumers.unbroken(news(6, 8), after=5) is None
    assert consumers.unbroken(news(3, 4), after=5) == []


def sign_out(person: User) -> None:
    Session.objects.all().delete()


def let_the_session_end(person: User) -> None:
    Session.objects.update(expire_date=timezone.now())


def change_password(person: User) -> None:
    person.set_password("another battery horse")
    person.save()


@pytest.mark.parametrize("ending", [sign_out, let_the_session_end, change_password])
async def test_a_sign_in_that_ended_ends_the_feed(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch, ending: Callable[[User], None]
) -> None:
    monkeypatch.setattr(consumers, "CHECK_S", 0.1)
    monkeypatch.setattr(consumers, "HEARTBEAT_S", 0.1)
    async with listening(run.pk, cast.ben) as socket:
        await socket.until(1)
        await sync_to_async(ending)(cast.ben)
        with pytest.raises(Closed) as closed:
            await asyncio.wait_for(socket.until(2), 5)  # a heartbeat may come before the end
    assert closed.value.code == 4401


async def test_another_password_ends_what_a_ticket_opened(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_S", 0.1)
    monkeypatch.setattr(consumers, "HEARTBEAT_S", 0.1)
    ticket = await sync_to_async(tickets.issue)(user=cast.ben, run=run.pk)
    async with listening(run.pk, None, ticket=ticket) as socket:
        await socket.until(1)
        await sync_to_async(change_password)(cast.ben)
        with pytest.raises(Closed) as closed:
            await asyncio.wait_for(socket.until(2), 5)
    assert closed.value.code == 4401


async def test_one_who_is_never_done_asking_is_let_go(run: Run, cast: Cast) -> None:
    async with listening(run.pk, cast.ada) as socket:
        socket.acks = False
        for _ in range(consumers.SUBSCRIBES + 1):
            await socket.wire.send_json_to({"op": "subscribe", "since": 0})
        with pytest.raises(Closed) as closed:
            await asyncio.wait_for(socket.until(2), 5)
    assert closed.value.code == 4408


async def test_the_thirty_first_socket_of_a_person_is_refused(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "SOCKETS_PER_PERSON", 1)
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(1)
        assert await refused(run.pk, cast.ada) == 4429
        assert await refused(run.pk, cast.mallory) == 4404
    async with listening(run.pk, cast.ada) as again:
        await again.until(1)


async def test_an_idle_socket_stays_open_and_gets_a_heartbeat(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_S", 0.1)
    monkeypatch.setattr(consumers, "HEARTBEAT_S", 0.6)
    monkeypatch.setattr(redis, "TIMEOUT_S", 0.2)  # a waiting connection must not obey the limit of an ordinary answer
    async with listening(run.pk, cast.ada) as socket:
        await socket.until(1)
        assert await socket.frame() == {"type": "hb", "head": 1}
        await tell(run, "still here")
        await socket.until(2)

    assert socket.seqs == [1, 2]


def test_no_frame_is_larger_than_the_web_process_sends() -> None:
    """A training of many rounds tells in kilobytes; the server would leave out a frame of more than 64 KiB."""
    events = [{"seq": seq, "log": {"message": "ü" * (2000 if seq % 3 else 10)}} for seq in range(1, 400)]
    framed = list(consumers.pages(events))
    assert [event for page in framed for event in page] == events
    assert max(len(json.dumps({"type": "batch", "events": page}).encode()) for page in framed) < (64 << 10)
    assert max(map(len, consumers.pages([{"seq": 1}] * 600))) == 250
