"""A task that is told to end ends, also when what it waits for loses the word."""

import asyncio

from fynix.feed.endings import end


async def test_a_task_that_loses_its_cancellation_is_told_again() -> None:
    async def deaf() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # as asyncio.wait_for does when its work is done in the same moment
            await asyncio.sleep(60)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 5)
    assert task.cancelled()


async def test_nothing_to_end_is_ended_at_once() -> None:
    await asyncio.wait_for(end(), 1)
