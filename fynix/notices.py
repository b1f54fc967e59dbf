"""Short notices to a person's sockets, over the channel layer: one group for each person.

A notice may be lost, and Redis may be away: whoever listens also looks by itself from time to time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

RIGHTS, NEWS = "rights", "news"  # the kinds of notices
SEND_S = 1.0  # longest wait for Redis to take a notice
RETRY_S = 5.0  # between attempts to listen while Redis is away
AWAY = (RedisError, OSError, TimeoutError)


def rights_changed(user: int) -> None:
    """Ask the sockets of the person to look at their rights again. Never fails."""
    async_to_sync(_send)(RIGHTS, [user])


def news(users: Collection[int]) -> None:
    """Tell the sockets of these people that there is something new to read. Never fails."""
    async_to_sync(_send)(NEWS, users)


async def _send(kind: str, users: Collection[int]) -> None:
    try:
        async with asyncio.timeout(SEND_S):
            for user in users:
                await _layer().group_send(_group(user), {"type": kind})
    except AWAY as error:
        log.warning("notice_lost", reason=type(error).__name__)


async def listen(user: int, acts: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
    """Do what `acts` has for the kind of each notice to the person, until cancelled.

    What an act raises ends the listening.
    """
    while True:
        try:
            channel = await _layer().new_channel()
            await _layer().group_add(_group(user), channel)
        except AWAY:
            await asyncio.sleep(RETRY_S)
            continue
        try:
            while True:
                notice = await _layer().receive(channel)
                if act := acts.get(notice["type"]):
                    await act()
        finally:
            with suppress(*AWAY):
                await _layer().group_discard(_group(user), channel)


def _group(user: int) -> str:
    return f"person.{user}"


def _layer() -> Any:
    return get_channel_layer()
