"""Ending tasks for sure."""

import asyncio
from typing import Any

AGAIN_S = 1.0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait until they have ended, however.

    Up to Python 3.11 asyncio.wait_for loses a cancellation that comes in the moment it is done, and redis-py waits with
    it when it connects: the task would go on for ever. So each is cancelled until it has ended.
    """
    left: set[asyncio.Task[Any]] = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
