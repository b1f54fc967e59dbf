"""The web process: daphne with bounds.

daphne itself reads a request body of any size before it asks anybody, and takes a whole answer into memory
however slowly the client reads. This module bounds both directions, outlives an application that fails in the
middle of an answer, and lets running answers finish when it is told to stop.
"""

import argparse
import asyncio
import gc
import io
import json
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, BinaryIO

from daphne import server as daphne  # isort: skip  # it installs the asyncio reactor, so it comes first
from daphne import http_protocol
from daphne.endpoints import build_endpoint_description_strings
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer, tcp
from twisted.python.failure import Failure

from fynix.errors import DomainError

MIB = 1 << 20
Gate = Callable[[bytes], DomainError | None]  # why the address of an upload part is refused, before its body
Message = dict[str, Any]  # also a scope
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_CAP = 4 * MIB  # bytes of one request body
FILE_CAP = 26 * MIB  # bytes of a form with a file of rows to test: 25 MiB and room for its other fields
FILE_PATHS = (b"/test/many", b"/batch-tests")  # ends of the addresses that take such a form
MOST_FILES = 4  # such forms in flight in this process
PART_PATH = b"/u/"  # where upload parts arrive
PART_CAP = 33 * MIB  # bytes of one upload part: 32 MiB and room for a sender's rounding
MOST_PARTS = 8  # upload parts in flight in this process, each held in memory while it is stored
BODY_DEADLINE_S = 600  # a body that takes longer is cut, so that slow senders cannot hold every place
STALL_S = 60  # a reader that takes nothing for so long is cut
LINGER_S = 5  # how long a refused sender is listened to, so that it sees the refusal instead of a reset
DRAIN_S = 8  # how long running answers may take to finish when the process is told to stop
RECEIVE_BYTES = 256 << 10  # read from a socket at once
BODY = "fynix.body"  # where a scope holds the body on its way to the application
FRAME_CAP = 64 << 10  # bytes of one WebSocket message from a client


class Request(http_protocol.WebRequest):
    """One HTTP request whose body is bounded before it is read and whose answer waits for its reader."""

    server: "Server"
    content: Any  # the file that holds the body

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, parsePOSTFormSubmission=False)  # Django parses forms; once is enough
        self.body_since: float | None = None
        self.paused_since: float | None = None
        self.body_bytes = 0
        self.body_cap = BODY_CAP
        self.is_refused = False
        self.has_room = asyncio.Event()
        self.has_room.set()

    # The body

    def gotLength(self, length: int | None) -> None:  # noqa: N802  twisted's name
        """The headers are complete and the body (of `length` bytes, None when chunked) is still to come."""
        super().gotLength(length if length is not None and length <= PART_CAP else 0)
        if length == 0:
            return
        self.body_since = time.monotonic()
        path: bytes = self.channel._path  # noqa: SLF001  the request has no path of its own before its body
        if path.startswith(PART_PATH):
            if refusal := self.server.gate(path):
                self.refuse(refusal.status, refusal.code, refusal.message)
                return
            self.body_cap = PART_CAP
            if not self.server.admit(self):
                self.refuse(503, "too_many_uploads", "Too many uploads at once. Send this part again in a moment.")
                return
        elif (length or 0) > BODY_CAP and path.partition(b"?")[0].endswith(FILE_PATHS):
            self.body_cap = FILE_CAP
            if not self.server.admit_file(self):
                self.refuse(503, "too_many_uploads", "Too many files at once. Send this one again in a moment.")
                return
        if (length or 0) > self.body_cap:
            self.refuse_size()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self.body_bytes += len(data)
        if self.is_refused:
            return
        if self.body_bytes > self.body_cap:
            self.refuse_size()
            return
        super().handleContentChunk(data)

    def requestReceived(self, *args: bytes) -> None:  # noqa: N802
        """The body is complete."""
        self.body_since = None
        if self.is_refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(*args)

    def refuse_size(self) -> None:
        self.refuse(413, "body_too_large", f"Send at most {self.body_cap // MIB} MiB in one request.")

    def refuse(self, status: int, code: str, detail: str) -> None:
        """Answer now, without the application, and end the connection once the sender has seen it."""
        self.is_refused = True
        self.server.release(self)
        self.content.truncate(0)
        self.requestHeaders.removeHeader(b"expect")  # else the channel would still ask for the body
        self.channel.persistent = False
        transport = self.channel.transport
        transport.write(_problem(status, code, detail))
        transport.loseWriteConnection()
        asyncio.get_running_loop().call_later(LINGER_S, transport.loseConnection)

    def take_body(self) -> BinaryIO:
        """The body, for the application alone: daphne would lay all of it into memory before anybody asks for it."""
        body: BinaryIO = self.content
        self.content = io.BytesIO()
        return body

    # The answer

    def handle_reply(self, message: dict[str, Any]) -> None:
        starts = message.get("type") == "http.response.start"
        if starts and not (self._response_started or self.finished or self.channel is None):
            self.registerProducer(self, streaming=True)
        if message.get("type") == "http.response.body" and self.method == b"HEAD":
            message = {**message, "body": b""}
        super().handle_reply(message)

    def handle_exception(self, exception: BaseException) -> None:
        """The application failed: say so, or cut the answer it began so that nobody takes it for whole."""
        if self._response_started:
            self.abort()
        else:
            super().handle_exception(exception)

    def pauseProducing(self) -> None:  # noqa: N802
        self.paused_since = time.monotonic()
        self.has_room.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self.paused_since = None
        self.has_room.set()

    def stopProducing(self) -> None:  # noqa: N802
        self.resumeProducing()

    # The end

    def finish(self) -> None:
        self.leave()
        super().finish()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        self.leave()
        super().connectionLost(reason)

    def leave(self) -> None:
        """Give back the place among the uploads and let a waiting application go on."""
        self.server.release(self)
        if self.producer:
            self.unregisterProducer()
        self.resumeProducing()
        self.body_since = None

    def abort(self) -> None:
        if self.channel is not None:
            self.channel.transport.abortConnection()

    def check_timeouts(self) -> None:
        super().check_timeouts()
        now = time.monotonic()
        slow_reader = self.paused_since is not None and now - self.paused_since > STALL_S
        slow_sender = self.body_since is not None and now - self.body_since > BODY_DEADLINE_S
        if slow_reader or slow_sender:
            self.abort()


class Server(daphne.Server):
    """daphne's server with back-pressure on answers, a bound on uploads in flight and a gentle stop."""

    def __init__(
        self, application: Callable[..., Any], endpoints: Sequence[str], *, gate: Gate, **options: Any
    ) -> None:
        super().__init__(
            _feeding(application),
            endpoints,
            websocket_max_message_size=FRAME_CAP,
            websocket_max_frame_size=FRAME_CAP,
            server_name="",
            **options,
        )
        self.gate = gate
        self.uploads: set[Request] = set()
        self.files: set[Request] = set()
        self.ports: list[Any] = []
        self.has_failed = False

    def admit(self, request: Request) -> bool:
        """Whether one more upload part may be read now; the place is held until `release`."""
        if len(self.uploads) >= MOST_PARTS:
            return False
        self.uploads.add(request)
        return True

    def admit_file(self, request: Request) -> bool:
        """Whether one more form with a large file may be read now; the place is held until `release`."""
        if len(self.files) >= MOST_FILES:
            return False
        self.files.add(request)
        return True

    def create_application(self, protocol: Any, scope: Message) -> Any:
        if isinstance(protocol, Request):
            scope[BODY] = protocol.take_body()
        return super().create_application(protocol, scope)

    def release(self, request: Request) -> None:
        self.uploads.discard(request)
        self.files.discard(request)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, Request):
            await protocol.has_room.wait()

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self.ports.append(port)

    def listen_error(self, failure: Failure) -> None:
        super().listen_error(failure)
        self.has_failed = True

    def kill_all_applications(self) -> "defer.Deferred[None]":
        """Runs before the process ends: take no more connections, finish what runs, then cancel the rest."""
        for port in self.ports:
            port.stopListening()
        for protocol in self.connections:
            if isinstance(protocol, WebSocketProtocol) and protocol.state == protocol.STATE_OPEN:
                protocol.sendCloseFrame(code=1012)  # "service restart": clients come back by themselves
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        running = self._running()
        if running:
            await asyncio.wait(running, timeout=DRAIN_S)
        for task in self._running():
            task.cancel()
        await asyncio.gather(*self._running(), return_exceptions=True)

    def _running(self) -> list["asyncio.Task[None]"]:
        tasks = (details.get("application_instance") for details in self.connections.values())
        return [task for task in tasks if task is not None and not task.done()]


def _feeding(application: Callable[..., Any]) -> Callable[..., Any]:
    """The application, which gets the body of its request a piece at a time, each when it asks for it."""

    async def fed(scope: Message, receive: Receive, send: Send) -> None:
        if BODY not in scope:
            await application(scope, receive, send)
            return
        with scope.pop(BODY) as body:
            await application(scope, _pieces(body, receive), send)

    return fed


def _pieces(body: BinaryIO, receive: Receive) -> Receive:
    """Pieces of the body, then what else `receive` has to tell but for daphne's empty body."""
    is_whole = False

    async def message() -> Message:
        nonlocal is_whole
        if is_whole:
            while (told := await receive())["type"] == "http.request":
                pass
            return told
        piece = body.read(MIB)
        is_whole = len(piece) < MIB
        return {"type": "http.request", "body": piece, "more_body": not is_whole}

    return message


def _problem(status: int, code: str, detail: str) -> bytes:
    """A whole HTTP/1.1 response in the shape of RFC 9457."""
    title = HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail})
    head = [
        f"HTTP/1.1 {status} {title}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *(["Retry-After: 2"] if status == 503 else []),
    ]
    return "\r\n".join([*head, "", body]).encode("ascii")


def serve(application: Callable[..., Any], *, host: str, port: int, gate: Gate) -> bool:
    """Serve until the process is told to stop; False when it could not listen. Port 0 picks a free one."""
    http_protocol.WebRequest = Request  # daphne's HTTPFactory looks its request class up by this name
    server = Server(application, build_endpoint_description_strings(host=host, port=port), gate=gate)
    server.run()
    return not server.has_failed


def settle() -> None:
    """Load the code of every page, and leave all that is loaded out of later searches for garbage.

    It stays until the process ends; each full search through it took 115 ms, in the middle of somebody's answer.
    """
    from django.urls import get_resolver  # noqa: PLC0415  after the reactor

    get_resolver().url_patterns  # noqa: B018  reading them imports every view
    gc.collect()
    gc.freeze()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fynix.server", description="Serve the web pages and sockets.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    # A part of 8 MiB arrives in fewer and larger pieces: a third less work for the server than by 64 KiB.
    tcp.Connection.bufferSize = RECEIVE_BYTES
    from fynix.asgi import application, beside, gate  # noqa: PLC0415  after the reactor, not for readers of this module

    settle()
    threading.Thread(target=beside, args=[threading.Event()], daemon=True, name="beside").start()
    return 0 if serve(application, host=options.host, port=options.port, gate=gate) else 1


if __name__ == "__main__":
    raise SystemExit(main())
