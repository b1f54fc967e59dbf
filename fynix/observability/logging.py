"""Structured logs: one JSON object a line on standard error, from our code and every library."""

import logging
import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict

from fynix.observability import context

# What signs an address is as good as a password until it expires.
SIGNED = re.compile(
    r"(/dl/|/reset/key/|/confirm-email/|/invitation/|[?&](?:s|sig|signature|X-Amz-Signature)=)[^\s?&\"']+"
)


def redact(_: Any, __: str, line: EventDict) -> EventDict:
    """Cut signatures out of every text of a log line."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = SIGNED.sub(r"\1***", value)
    return line


def whose(_: Any, __: str, line: EventDict) -> EventDict:
    """Name the request in lines of threads, which do not inherit what was bound: a child works for one request."""
    if "request_id" not in line and (identity := context.request_id()):
        line["request_id"] = identity
    return line


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    whose,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    structlog.processors.format_exc_info,
    redact,
]
QUIET = ("django.channels.server", "daphne", "twisted", "botocore", "dramatiq.worker", "apscheduler")
SAID = ("django.request",)  # what it warns of, the line of the answer says with the request's id


def configure(options: dict[str, Any]) -> None:
    """Set up structlog and the standard library's logging alike. `options` holds the level."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": SHARED,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {name: {"level": "WARNING"} for name in QUIET} | {name: {"level": "ERROR"} for name in SAID},
        }
    )
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
