"""The request id of the work at hand, carried through threads, messages and child processes."""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

ACCEPTED = re.compile(r"[A-Za-z0-9_-]{8,64}")
ENVIRONMENT = "FYNIX_REQUEST_ID"


def request_id() -> str:
    """The id bound to the work at hand, or an empty text outside any."""
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return str(bound or os.environ.get(ENVIRONMENT, ""))


def accept(offered: str) -> str:
    """The id that a client or message offered when it has an honest shape, else a new one."""
    return offered if ACCEPTED.fullmatch(offered) else uuid.uuid4().hex


@contextmanager
def bound(**names: str) -> Iterator[None]:
    """Every log line within carries these names."""
    with structlog.contextvars.bound_contextvars(**names):
        yield
