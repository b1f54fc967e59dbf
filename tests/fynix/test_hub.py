"""Whom the subscription of a server process feeds: everybody, also who comes while Redis is being asked."""

import asyncio
from typing import Any

import pytest
from redis.asyncio.client import PubSub

from fynix.feed.hub import Hub


async def test_who_comes_while_redis_is_being_asked_is_fed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()
    subscribe = PubSub.subscribe

    async def slowly(self: PubSub, *channels: Any) -> None:
        asked.set()
        await answered.wait()
        await subscribe(self, *channels)

    monkeypatch.setattr(PubSub, "subscribe", slowly)
    hub, heard = Hub(), []

    async def look(run: str) -> None:
        async with hub.listen(run) as listener:
            heard.append((run, listener.confirmed.is_set()))

    early = asyncio.create_task(look("run_early"))
    await asked.wait()
    late = asyncio.create_task(look("run_late"))
    await asyncio.sleep(0)  # it has joined
    answered.set()
    await asyncio.gather(early, late)

    assert sorted(heard) == [("run_early", True), ("run_late", True)]
