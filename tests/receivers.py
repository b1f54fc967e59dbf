"""What listens where the product sends its traces and its error reports: real servers on this machine."""

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import brotli
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


@dataclass(frozen=True)
class Span:
    """One span as the collector got it; ids in hexadecimal, attributes as plain values."""

    name: str
    kind: int
    trace: str
    identity: str
    parent: str
    attributes: dict[str, Any]
    service: str


@dataclass
class Collector:
    """Spans that came by OTLP over HTTP, and everything that came as text."""

    address: str
    spans: list[Span] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces", path
        self.raw.append(body)
        for batch in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = {item.key: item.value.string_value for item in batch.resource.attributes}["service.name"]
            self.spans += [_span(span, service) for scope in batch.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@dataclass
class Postbox:
    """Sentry envelopes that came over HTTP."""

    address: str
    raw: list[bytes] = field(default_factory=list)

    @property
    def dsn(self) -> str:
        return self.address.replace("//", "//public@") + "/1"

    def take(self, path: str, body: bytes) -> None:
        assert path == "/api/1/envelope/", path
        self.raw.append(body)

    @property
    def events(self) -> list[Any]:
        """The error events among the items of every envelope."""
        lines = [json.loads(line) for body in self.raw for line in body.splitlines() if line.startswith(b"{")]
        return [line for line in lines if "exception" in line]

    @property
    def text(self) -> str:
        return b"\n".join(self.raw).decode()


@contextmanager
def collector() -> Iterator[Collector]:
    with _server() as (address, takers):
        found = Collector(address)
        takers.append(found.take)
        yield found


@contextmanager
def postbox() -> Iterator[Postbox]:
    with _server() as (address, takers):
        found = Postbox(address)
        takers.append(found.take)
        yield found


@contextmanager
def _server() -> Iterator[tuple[str, list[Callable[[str, bytes], None]]]]:
    """A server on a free port that hands every body to the takers."""
    takers: list[Callable[[str, bytes], None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            unpack = UNPACK.get(self.headers.get("Content-Encoding", ""), bytes)
            for take in takers:
                take(self.path, unpack(body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """The tests look at what came, not at a log of it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", takers
        finally:
            server.shutdown()
            thread.join()


def _span(span: Any, service: str) -> Span:
    attributes = {item.key: _plain(item.value) for item in span.attributes}
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return Span(span.name, span.kind, *ids, attributes, service)


def _plain(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
