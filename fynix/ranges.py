"""Serving stored bytes with Range, If-Range and ETag (RFC 9110 section 14), in flat memory.

Django's own file responses know no ranges, and under ASGI they gather the whole file first.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from fynix import blobs

SINGLE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")  # int() refuses a text of thousands of digits
CHUNK = 1 << 18


@dataclass(frozen=True)
class Span:
    """Bytes `start` up to but without `stop` of a file of `size` bytes."""

    start: int
    stop: int
    size: int

    @property
    def is_whole(self) -> bool:
        return self.stop - self.start == self.size


def span(request: HttpRequest, *, size: int, etag: str) -> Span | None:
    """What the client asked for; None when no byte of it exists. More than one range counts as the whole."""
    whole = Span(0, size, size)
    match = SINGLE.fullmatch(request.headers.get("Range", ""))
    if match is None or match.groups() == ("", "") or request.headers.get("If-Range", etag) != etag:
        return whole
    first, last = match.groups()
    if not first:
        return Span(max(size - int(last), 0), size, size) if int(last) else None
    if int(first) >= size or (last and int(last) < int(first)):
        return None
    return Span(int(first), min(int(last) + 1, size) if last else size, size)


def attachment(request: HttpRequest, *, sha256: str, size: int, filename: str, media_type: str) -> HttpResponseBase:
    """A stored blob as a download: 200, 206, 304 or 416, checked before the answer begins. Raises blobs.Corrupt."""
    etag = f'"{sha256}"'
    wanted = span(request, size=size, etag=etag)
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    if wanted is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    body = b"" if request.method == "HEAD" else _opened(sha256, wanted)
    response = StreamingHttpResponse(body, status=200 if wanted.is_whole else 206, content_type=media_type)
    _describe(response, wanted, etag=etag, filename=filename)
    return response


def _describe(response: StreamingHttpResponse, wanted: Span, *, etag: str, filename: str) -> None:
    facts = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Length": str(wanted.stop - wanted.start),
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=filename) or "attachment",
        "Cache-Control": "no-store, private",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    for name, value in facts.items():
        response.headers[name] = value
    if not wanted.is_whole:
        response.headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{wanted.size}"


def _opened(sha256: str, wanted: Span) -> AsyncIterator[bytes]:
    """The bytes of a blob that agrees with its hash; a refusal must come before the first line of the answer."""
    stored = ExitStack()
    return _chunks(stored, stored.enter_context(blobs.local(sha256)), wanted)


async def _chunks(stored: ExitStack, path: Path, wanted: Span) -> AsyncIterator[bytes]:
    try:
        async for chunk in _read(path, wanted):
            yield chunk
    finally:
        await asyncio.to_thread(stored.close)


async def _read(path: Path, wanted: Span) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(wanted.start)
        left = wanted.stop - wanted.start
        while left and (chunk := await asyncio.to_thread(file.read, min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
