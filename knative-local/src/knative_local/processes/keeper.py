"""A process that is started again whenever it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from knative_local.errors import StartError

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 5.0
_CALM_SECONDS = 10.0  # who ran that long starts again without delay


class Backoff:
    """Waits longer after every quick failure."""

    def __init__(self, first: float = _FIRST_DELAY, longest: float = _LONGEST_DELAY) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def after(self, lifetime: float) -> float:
        """Seconds to wait now that something ended after `lifetime` seconds."""
        if lifetime >= _CALM_SECONDS:
            self._next = self._first
        delay = self._next
        self._next = min(delay * 2, self._longest)
        return delay


class Running(Protocol):
    async def wait(self) -> int: ...


async def keep(
    name: str, current: Running, start: Callable[[], Awaitable[Running]], note: Callable[[str], None]
) -> None:
    """Until cancelled: wait for the end of `current`, say so, and start the next."""
    backoff = Backoff()
    while True:
        started = time.monotonic()
        code = await current.wait()
        note(f"{name} ended with code {code} and is started again")
        await asyncio.sleep(backoff.after(time.monotonic() - started))
        current = await _started(name, start, backoff, note)


async def _started(
    name: str, start: Callable[[], Awaitable[Running]], backoff: Backoff, note: Callable[[str], None]
) -> Running:
    while True:
        try:
            return await start()
        except (StartError, OSError) as error:
            note(f"{name} was not started: {error}")
            await asyncio.sleep(backoff.after(0.0))
