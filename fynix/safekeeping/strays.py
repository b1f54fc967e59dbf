"""Files that no row names any more, and their removal."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from fynix import blobs
from fynix.safekeeping import references

log = structlog.get_logger(__name__)

GRACE = timedelta(days=1)  # bytes may lie so long before the row that names them is written


def found(*, at: datetime) -> Iterator[str]:
    """Each of them, once it is older than GRACE.

    Listed before the rows are read, so that a file stored meanwhile is not taken for a stray.
    """
    stored = list(blobs.everything())
    named = references.named()
    for sha256 in stored:
        if sha256 not in named and blobs.stored_at(sha256) < at - GRACE:
            yield sha256


def remove(*, at: datetime) -> int:
    """Remove them; the number that went.

    Whoever stores the same bytes again makes the file young first, and whoever lets go of the last row does, too: what
    a row or a backup under way may still need is never old enough.
    """
    count = 0
    for sha256 in found(at=at):
        if not references.is_named(sha256) and blobs.stored_at(sha256) < at - GRACE:
            blobs.remove(sha256)
            count += 1
    if count:
        log.info("strays_removed", count=count)
    return count
