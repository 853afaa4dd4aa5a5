"""How long a delivery waits between two attempts, and how such a wait ends when the broker stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from knative_local.broker.errors import AbandonedError
from knative_local.contract import Delivery

Sleep: TypeAlias = Callable[[float], Awaitable[Any]]

_LARGEST_EXPONENT = 64  # beyond it a float overflows before anybody has waited that long


def wait_after(attempt: int, delivery: Delivery) -> float:
    """Seconds after the attempt of that number, from 1 on: linear d·n, exponential d·2ⁿ, no jitter."""
    if delivery.backoff_policy == "linear":
        return delivery.backoff_seconds * attempt
    return delivery.backoff_seconds * 2.0 ** min(attempt, _LARGEST_EXPONENT)


class Backoff:
    """Waits that `close` ends at once: those who wait, then or later, get `AbandonedError`."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._sleepers: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def rest(self, seconds: float) -> None:
        if self._closed:
            raise AbandonedError("the broker is stopping")
        sleeper = asyncio.ensure_future(self._sleep(seconds))
        self._sleepers.add(sleeper)
        try:
            await asyncio.wait({sleeper})
        finally:
            self._sleepers.discard(sleeper)
            sleeper.cancel()
        if self._closed:
            raise AbandonedError("the broker is stopping")

    def close(self) -> None:
        self._closed = True
        for sleeper in self._sleepers:
            sleeper.cancel()
