"""Traces over OTLP, off unless OTEL_EXPORTER_OTLP_ENDPOINT is set: request, wake-up, attempt, workshop, stages.

A span is named for a route, a kind of job or a stage and carries ids and numbers. Addresses as they were typed,
messages of exceptions and values of tables never enter one: a collector is often somebody else's machine.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from fynix import env

Kind = Literal["internal", "server", "producer", "consumer"]
Value = str | int | float | bool
Note = Callable[[str, Value], None]

SERVICE = "fynix-flux-pilot"
ENVIRONMENT = "TRACEPARENT"
FIELD = "traceparent"  # https://www.w3.org/TR/trace-context/

_provider: Any = None
_stage: Any = None  # the span of the stage at hand
_inside: Any = None  # the context of the workshop at hand


def start() -> None:
    """Send spans to the collector that the environment names. Raises Misconfigured."""
    global _provider  # noqa: PLW0603  one provider per process
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError:
        raise env.Misconfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the tracing library is missing: "
            "pip install -r requirements-traces.txt"
        ) from None
    name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": SERVICE}
    _provider = TracerProvider(resource=Resource.create(name))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))


def stop() -> None:
    """Send what waits and trace no more; for a process that ends without its interpreter's own farewell."""
    global _provider  # noqa: PLW0603
    if _provider is not None:
        _provider.shutdown()
        _provider = None


@contextmanager
def span(name: str, *, kind: Kind = "internal", parent: str = "", **attributes: Value) -> Iterator[Note]:
    """A span around the block, below the current one or below `parent`, a traceparent.

    Yields a function that adds an attribute. An exception marks the span with its type alone.
    """
    if _provider is None:
        yield _unheard
        return
    from opentelemetry import trace  # noqa: PLC0415

    tracer = _provider.get_tracer("fynix")
    options = {"kind": trace.SpanKind[kind.upper()], "attributes": _named(attributes)}
    with tracer.start_as_current_span(
        name, context=_remote(parent), record_exception=False, set_status_on_exception=False, **options
    ) as current:
        try:
            yield lambda key, value: current.set_attribute(f"fynix.{key}", value)
        except BaseException as error:
            current.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
            raise


@contextmanager
def workshop(name: str, *, job: str, attempt: int) -> Iterator[Note]:
    """The span of a child process, below the attempt that started it; `stage` divides it."""
    global _inside  # noqa: PLW0603  a child process does one job
    with span(name, parent=os.environ.get(ENVIRONMENT, ""), job=job, attempt=attempt) as note:
        _inside = _here()
        try:
            yield note
        finally:
            _enter_stage(None)
            _inside = None


def stage(name: str) -> None:
    """The workshop of this process enters this stage, from whichever thread: the stage before it ends."""
    if _inside is not None and (_stage is None or _stage.name != name):
        _enter_stage(_provider.get_tracer("fynix").start_span(name, context=_inside))


def carried() -> str:
    """The current span as a traceparent, for a message or a child; empty outside any."""
    if _provider is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(FIELD, "")


def attach(traceparent: str) -> Callable[[], None]:
    """What this thread does from now on belongs below `traceparent`, until the returned function is called."""
    if _provider is None or not traceparent:
        return lambda: None
    from opentelemetry import context  # noqa: PLC0415

    token = context.attach(_remote(traceparent))
    return lambda: context.detach(token)


def _enter_stage(following: Any) -> None:
    global _stage  # noqa: PLW0603
    if _stage is not None:
        _stage.end()
    _stage = following


def _here() -> Any:
    if _provider is None:
        return None
    from opentelemetry import context  # noqa: PLC0415

    return context.get_current()


def _remote(traceparent: str) -> Any:
    """The context that a traceparent names; None, which is the current one, for an empty text."""
    if not traceparent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    return TraceContextTextMapPropagator().extract({FIELD: traceparent})


def _named(attributes: dict[str, Value]) -> dict[str, Value]:
    return {f"fynix.{key}": value for key, value in attributes.items()}


def _unheard(key: str, value: Value) -> None:
    """Nobody listens."""
