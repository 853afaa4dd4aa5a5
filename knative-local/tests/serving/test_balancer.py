from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

import pytest

from knative_local.serving import balancer as balancers
from knative_local.serving.balancer import Balancer, OverloadError
from knative_local.serving.instance import Instance, State


@dataclass
class Fake:
    """What a balancer sees of an instance."""

    state: State = State.READY
    in_flight: int = 0


def balanced(*fakes: Fake, limit: int = 0) -> Balancer:
    return Balancer(cast("tuple[Instance, ...]", fakes), limit)


async def test_the_least_loaded_ready_instance_is_taken() -> None:
    busy, idle, starting = Fake(in_flight=2), Fake(in_flight=1), Fake(State.STARTING)

    assert await balanced(busy, idle, starting).acquire() is cast("Instance", idle)
    assert idle.in_flight == 2


async def test_whoever_waits_longest_is_served_first() -> None:
    only = Fake()
    balancer = balanced(only, limit=1)
    first = await balancer.acquire()
    order: list[int] = []

    async def take(number: int) -> None:
        instance = await balancer.acquire()
        order.append(number)
        balancer.release(instance)

    waiting = [asyncio.create_task(take(number)) for number in range(3)]
    await asyncio.sleep(0)
    balancer.release(first)
    await asyncio.gather(*waiting)

    assert order == [0, 1, 2]
    assert only.in_flight == 0


async def test_a_cancelled_place_is_free_for_the_next() -> None:
    only = Fake()
    balancer = balanced(only, limit=1)
    first = await balancer.acquire()
    gone, staying = asyncio.create_task(balancer.acquire()), asyncio.create_task(balancer.acquire())
    await asyncio.sleep(0)
    balancer.release(first)  # the place is given to `gone`,
    gone.cancel()  # who leaves before it notices

    assert await staying is first
    assert only.in_flight == 1
    assert gone.cancelled()


async def test_more_than_knative_holds_are_refused() -> None:
    balancer = balanced(Fake(State.STARTING))
    waiting = [asyncio.create_task(balancer.acquire()) for _ in range(balancers.QUEUE_DEPTH)]
    await asyncio.sleep(0)

    with pytest.raises(OverloadError):
        await balancer.acquire()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert balancer.waiting == 0
