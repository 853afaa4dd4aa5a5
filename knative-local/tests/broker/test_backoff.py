from __future__ import annotations

import asyncio
import math

import pytest

from knative_local.broker.backoff import Backoff, wait_after
from knative_local.broker.errors import AbandonedError
from knative_local.contract import Delivery


def test_exponential_waits_start_with_twice_the_delay() -> None:
    delivery = Delivery(backoff_policy="exponential", backoff_seconds=0.5)
    assert [wait_after(attempt, delivery) for attempt in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 8.0]


def test_linear_waits_grow_by_the_delay() -> None:
    delivery = Delivery(backoff_policy="linear", backoff_seconds=0.5)
    assert [wait_after(attempt, delivery) for attempt in (1, 2, 3)] == [0.5, 1.0, 1.5]


def test_a_wait_nobody_will_see_the_end_of_is_still_a_number() -> None:
    assert math.isfinite(wait_after(100_000, Delivery(backoff_seconds=3600.0)))


async def test_closing_ends_the_waits_that_are_running_and_those_to_come() -> None:
    backoff = Backoff(asyncio.sleep)
    waiting = [asyncio.create_task(backoff.rest(3600)) for _ in range(3)]
    await asyncio.sleep(0)
    backoff.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [AbandonedError] * 3
    with pytest.raises(AbandonedError):
        await backoff.rest(0)


async def test_a_cancelled_wait_leaves_no_sleeper_behind() -> None:
    ended = asyncio.Event()

    async def sleep(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        finally:
            ended.set()

    waiting = asyncio.create_task(Backoff(sleep).rest(3600))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(10):
        await ended.wait()
