"""The live feed of one run over a WebSocket: what was missed, then what happens, in order and without holes.

The numbers of the events carry the promise. Whatever a socket hears is checked against the last number it
sent: a hole is filled from storage, a repetition is dropped. Frames are described in docs/api/live.md.
"""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from redis.exceptions import RedisError

from accounts import access, notifications, tickets
from accounts.access import Action
from accounts.models import User
from fynix import ids, notices
from fynix.feed import stream
from fynix.feed.endings import end
from fynix.feed.hub import Hub
from fynix.queue import jobs
from fynix.queue.models import Job
from training import events
from training.models import Run

log = structlog.get_logger(__name__)

PROTOCOL = "fynix.v1"
TICKET = "ticket."
GATHER_S = 0.1  # events are sent in batches this far apart
PAGE = 250  # events in one frame
PAGE_BYTES = 48 << 10  # of events in one frame: the web process drops one above 64 KiB, and says so to nobody
FARTHEST = 5000  # events that are replayed; beyond that the client reads the snapshot
WINDOW = 500  # events that may be sent without an acknowledgement
PATIENCE_S = 30.0  # how long a closed window may stay closed
CHECK_S = 5.0  # between looks at the newest number
HEARTBEAT_S = 15.0  # between heartbeats, each with a look at the person's rights; a notice makes it look at once
SOCKETS_PER_PERSON = 30
# New positions that one socket may ask for in that time: each opens the window anew.
SUBSCRIBES, SUBSCRIBES_S = 20, 60.0

BAD_MESSAGE, NOT_SIGNED_IN, REVOKED, NOT_FOUND, SLOW, TOO_MANY = 4400, 4401, 4403, 4404, 4408, 4429
BROKEN, TRY_LATER = 1011, 1013

_open: Counter[int] = Counter()  # sockets of each person in this process


class Refused(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class RunFeed(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """`/ws/v1/runs/<run_id>/?after_seq=n`: one socket, one run, one person."""

    channel_layer_alias = "unused"  # no such layer: a socket must open while Redis is away, so notices come apart

    user: User
    run: Run
    place: int | None = None
    sent = 0
    acked = 0

    async def connect(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._counted = False
        self._acknowledged = asyncio.Event()
        self._subscribed: deque[float] = deque(maxlen=SUBSCRIBES)
        # A refusal before the handshake reaches a browser as code 1006 only, so it comes after.
        await self.accept(PROTOCOL if PROTOCOL in self.scope["subprotocols"] else None)
        try:
            self.user = await database_sync_to_async(self._authenticate)()
            self.run = await database_sync_to_async(self._find)()
            since = self._asked_position()
        except Refused as refusal:
            await self.close(refusal.code)
            return
        _open[self.user.pk] += 1
        self._counted = True
        self._start(since, epoch=None)

    async def disconnect(self, code: int) -> None:
        if self._counted:  # first: whoever waits for a slow end must not wait for a place too
            _open[self.user.pk] -= 1
        await self._stop()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self._tasks:
            return
        try:
            await self._obey(json.loads(text_data or ""))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            await self._stop()
            await self.close(BAD_MESSAGE)
        except Refused as refusal:
            await self._stop()
            await self.close(refusal.code)

    async def _obey(self, message: dict[str, Any]) -> None:
        """What the client asks: `ack` opens the window, `subscribe` moves the position; others are ignored."""
        if message["op"] == "ack":
            self.acked = max(self.acked, min(int(message["seq"]), self.sent))
            self._acknowledged.set()
        elif message["op"] == "subscribe":
            since, epoch = int(message.get("since", 0)), str(message.get("epoch") or "") or None
            self._count_subscribe(time.monotonic())
            await self._stop()
            self._start(since, epoch)

    def _count_subscribe(self, now: float) -> None:
        """Raises Refused for a client that would be sent everything again and again without reading it."""
        if len(self._subscribed) == SUBSCRIBES and now - self._subscribed[0] < SUBSCRIBES_S:
            raise Refused(SLOW)
        self._subscribed.append(now)

    # Who is there

    def _authenticate(self) -> User:
        user = self._by_ticket(self._ticket) if self._ticket else self._by_cookie()
        if user is None or not user.is_active:
            raise Refused(NOT_SIGNED_IN)
        if _open[user.pk] >= SOCKETS_PER_PERSON:
            raise Refused(TOO_MANY)
        return user

    @property
    def _ticket(self) -> str:
        """The ticket among the subprotocols: a query string would end up in logs."""
        words = (word for word in self.scope["subprotocols"] if word.startswith(TICKET))
        return next(words, "").removeprefix(TICKET)

    def _by_ticket(self, ticket: str) -> User | None:
        try:
            return tickets.redeem(ticket, run=self._run_id)
        except RedisError:
            raise Refused(TRY_LATER) from None

    def _by_cookie(self) -> User | None:
        """The person of the session, if the page that opens the socket is ours."""
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            return None
        if not same_origin(dict(self.scope["headers"])):
            raise Refused(REVOKED)
        return User.objects.get(pk=user.pk)

    def _find(self) -> Run:
        known = ids.is_valid("run", self._run_id)  # PostgreSQL fails at a NUL instead of finding nothing
        run = Run.objects.select_related("project").filter(pk=self._run_id).first() if known else None
        if run is None or not access.may(self.user, run.project, Action.SEE):
            raise Refused(NOT_FOUND)
        return run

    @property
    def _run_id(self) -> str:
        return str(self.scope["url_route"]["kwargs"]["run_id"])

    def _asked_position(self) -> int:
        asked = parse_qs(self.scope["query_string"].decode("ascii", "replace")).get("after_seq", ["0"])[0]
        if not (asked.isascii() and asked.isdigit() and len(asked) < 16):
            raise Refused(BAD_MESSAGE)
        return int(asked)

    # The feed

    def _start(self, since: int, epoch: str | None) -> None:
        self._tasks = [asyncio.create_task(self._watched(self._follow(since, epoch)))]

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        await end(*tasks)

    async def _watched(self, work: Any) -> None:
        """Close the socket with the code that the work ends in."""
        try:
            await work
        except Refused as refusal:
            await self.close(refusal.code)
        except asyncio.CancelledError:
            raise
        except Exception:  # the last border of a task that nobody awaits
            log.exception("feed_broke", run=self._run_id)
            await self.close(BROKEN)

    async def _follow(self, since: int, epoch: str | None) -> None:
        async with Hub.here().listen(self.run.pk) as listener:
            await self._greet(since, epoch)
            await self._tell_place()
            hear = {notices.RIGHTS: self._look_at_rights, notices.NEWS: self._tell_unread}
            watch = [self._pulse(listener.lose), notices.listen(self.user.pk, hear)]
            tasks = [asyncio.create_task(self._watched(each)) for each in watch]
            try:
                while True:
                    fresh = await listener.take(gather_s=GATHER_S)
                    following = None if fresh is None else unbroken(fresh, after=self.sent)
                    if following is None:
                        await self._replay()
                    else:
                        await self._send_events(following)
            finally:
                await end(*tasks)

    async def _greet(self, since: int, epoch: str | None) -> None:
        """Say where the feed stands, and whether it can go on from where the client is."""
        head = await database_sync_to_async(self._head)()
        known = epoch in (None, self.run.epoch) and since <= head and head - since <= FARTHEST
        self.sent = self.acked = since if known else head
        await self._send(
            type="subscribed",
            protocol=1,
            run=self.run.pk,
            epoch=self.run.epoch,
            head=head,
            since=since,
            recovered=known,
        )
        if not known:
            reload = f"/api/v1/runs/{self.run.pk}/snapshot"
            await self._send(type="gap", **{"from": since, "to": head, "reload": reload})

    async def _replay(self) -> None:
        """Send all after the last number sent: from Redis if its list reaches back, else from the database.

        A list without anything newer may have missed its tail, when Redis was away as it was told.
        """
        while True:
            recent = await stream.recent(Hub.here().client, run=self.run.pk, epoch=self.run.epoch, since=self.sent)
            if recent:
                await self._send_events(recent)
                return
            page = await database_sync_to_async(events.stored)(self.run, after=self.sent, limit=PAGE)
            await self._send_events(page)
            if len(page) < PAGE:
                return

    async def _send_events(self, fresh: list[dict[str, Any]]) -> None:
        for page in pages(fresh):
            await self._wait_for_window()
            await self._send(type="batch", events=page)
            self.sent = page[-1]["seq"]

    async def _wait_for_window(self) -> None:
        """daphne cannot push back, so the client's acknowledgements do. Raises Refused for one that sleeps."""
        while self.sent - self.acked >= WINDOW:
            self._acknowledged.clear()
            try:
                await asyncio.wait_for(self._acknowledged.wait(), PATIENCE_S)
            except TimeoutError:
                raise Refused(SLOW) from None

    async def _tell_place(self) -> None:
        """Where a waiting run stands in the queue, when that is news. Nothing is told to it when another one starts."""
        place = await database_sync_to_async(self._place)()
        if place is not None and place != self.place:
            await self._send(type="queue", position=place, ahead=place - 1)
        self.place = place

    def _place(self) -> int | None:
        return jobs.place(Job.objects.get(pk=self.run.job_id))

    async def _pulse(self, look_again: Any) -> None:
        """Heartbeats with the newest number, the place in the queue, a lost tail, and the person's rights once more."""
        waited = 0.0
        while True:
            await asyncio.sleep(CHECK_S)
            waited += CHECK_S
            is_due = waited >= HEARTBEAT_S
            head = await database_sync_to_async(self._check if is_due else self._head)()
            if head > self.sent:
                look_again()
            if self.place is not None:
                await self._tell_place()
            if is_due:
                waited = 0.0
                await self._send(type="hb", head=head)

    async def _look_at_rights(self) -> None:
        await database_sync_to_async(self._check)()

    async def _tell_unread(self) -> None:
        await self._send(type="news", unread=await database_sync_to_async(notifications.unread)(self.user))

    def _head(self) -> int:
        head: int = Run.objects.values_list("last_seq", flat=True).get(pk=self.run.pk)
        return head

    def _check(self) -> int:
        """The newest number. Raises Refused when the person has lost the right to see it."""
        user = User.objects.filter(pk=self.user.pk, is_active=True).first()
        if user is None or not self._sign_in_stands(user):
            raise Refused(NOT_SIGNED_IN)
        if not access.may(user, self.run.project, Action.SEE):
            raise Refused(REVOKED)
        return self._head()

    def _sign_in_stands(self, user: User) -> bool:
        """Whether the password has not changed since, and a session is not signed out and not over."""
        if self._ticket:
            told = self.user.get_session_auth_hash()
        else:
            alive = Session.objects.filter(expire_date__gt=timezone.now())
            kept = alive.filter(session_key=self.scope["session"].session_key).first()
            told = kept.get_decoded().get(HASH_SESSION_KEY, "") if kept else ""
        return constant_time_compare(told, user.get_session_auth_hash())

    async def _send(self, **frame: Any) -> None:
        with suppress(RuntimeError):  # the other side went away while we were speaking
            await self.send(text_data=json.dumps(frame, separators=(",", ":"), ensure_ascii=False))


def pages(fresh: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The events in order, in frames of at most PAGE events and, but for one large event alone, PAGE_BYTES."""
    page: list[dict[str, Any]] = []
    size = 0
    for event in fresh:
        length = len(json.dumps(event))  # escaped, so never less than what is sent
        if page and (len(page) == PAGE or size + length > PAGE_BYTES):
            yield page
            page, size = [], 0
        page.append(event)
        size += length
    if page:
        yield page


def unbroken(fresh: list[dict[str, Any]], *, after: int) -> list[dict[str, Any]] | None:
    """The events above `after` in order, each once; None when one between them is missing.

    Two publishers may reach Redis in the other order than the database numbered them.
    """
    new = {event["seq"]: event for event in fresh if event["seq"] > after}
    wanted = range(after + 1, after + 1 + len(new))
    return [new[seq] for seq in wanted] if all(seq in new for seq in wanted) else None


def same_origin(headers: dict[bytes, bytes]) -> bool:
    """Whether a page of this very host opens the socket; a browser cannot lie about either header."""
    origin = urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    host = headers.get(b"host", b"").decode("latin-1")
    if origin.geturl() in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return (
        origin.scheme in {"http", "https"}
        and origin.netloc.lower() == host.lower()
        and validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
    )
