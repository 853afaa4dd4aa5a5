"""Waiting for what another process or connection does: no event of ours tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

SECONDS = 20.0


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Fail with TimeoutError rather than wait for ever."""
    async with asyncio.timeout(SECONDS):
        while not await condition():
            await asyncio.sleep(0.005)
