"""Carries the request id and the trace through the message broker."""

import threading
from typing import Any

import dramatiq
import structlog
from dramatiq.broker import MessageProxy

from fynix.observability import context, presence, tracing

OPTION = "request_id"


class RequestContext(dramatiq.Middleware):
    """Puts the sender's request id and span into each message and takes them up again in the worker."""

    def __init__(self) -> None:
        self._thread = threading.local()  # a message is begun and ended by one thread

    def before_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        message.options.setdefault(OPTION, context.request_id())
        message.options.setdefault(tracing.FIELD, tracing.carried())

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        structlog.contextvars.bind_contextvars(request_id=context.accept(message.options.get(OPTION, "")))
        self._thread.leave = tracing.attach(message.options.get(tracing.FIELD, ""))

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any | None = None,
        exception: BaseException | None = None,
    ) -> None:
        self._forget()

    def after_skip_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        self._forget()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        presence.worker_began(getattr(broker, "broker_id", ""), worker.consumer_whitelist or ())

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        tracing.stop()  # the processes of a worker end without the interpreter's farewell

    def _forget(self) -> None:
        leave = getattr(self._thread, "leave", None)
        if leave is not None:
            leave()
        self._thread.leave = None
        structlog.contextvars.clear_contextvars()
