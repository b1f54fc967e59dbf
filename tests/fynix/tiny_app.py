"""A small ASGI application behind the product's server, for tests of the server alone: run it with a port."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from fynix import server
from fynix.errors import NotAllowed

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BLOCK = b"x" * 65536
finished: list[str] = []


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await echo(receive, send)
        return
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        if scope["path"] == "/u/idle":
            await asyncio.sleep(0.1)
    await PAGES.get(scope["path"], read_bytes)(size, send)
    finished.append(scope["path"])


async def echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def start(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})


async def end(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def read_bytes(size: int, send: Send) -> None:
    """Answers how many bytes of body arrived."""
    await start(send)
    await end(send, str(size).encode())


async def flood(_size: int, send: Send) -> None:
    """Answers with 256 MiB as fast as the server takes them."""
    await start(send)
    for _ in range(4096):
        await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
    await end(send, b"")


async def slow(_size: int, send: Send) -> None:
    await start(send)
    await asyncio.sleep(1.5)
    await end(send, b"done")


async def hold(_size: int, send: Send) -> None:
    """Never answers."""
    await asyncio.sleep(3600)


async def parts(_size: int, send: Send) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"one ", "more_body": True})
    await end(send, b"two")


async def broken(_size: int, send: Send) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"half of ", "more_body": True})
    raise RuntimeError("the rest is lost")


async def count(_size: int, send: Send) -> None:
    await start(send)
    await end(send, str(len(finished)).encode())


def gate(target: bytes) -> NotAllowed | None:
    """Knows every address but the forged one."""
    return NotAllowed("This address was changed.") if target.startswith(b"/u/forged") else None


PAGES = {
    "/flood": flood,
    "/slow": slow,
    "/parts": parts,
    "/broken": broken,
    "/finished": count,
    "/u/hold": hold,
}

if __name__ == "__main__":
    sys.exit(0 if server.serve(application, host="127.0.0.1", port=int(sys.argv[1]), gate=gate) else 1)
