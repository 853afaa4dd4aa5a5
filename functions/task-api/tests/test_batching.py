"""Natural batching: company without waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from task_api.batching import Batcher
from task_api.errors import DatabaseUnavailable, StatementRefused


class Statements:
    """Doubles numbers; holds each statement until it is let go."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.go = asyncio.Event()

    async def run(self, items: Sequence[int]) -> Sequence[int]:
        self.seen.append(list(items))
        await self.go.wait()
        if 13 in items:
            raise StatementRefused("unlucky", "23514")
        if 99 in items:
            raise DatabaseUnavailable("away")
        return [2 * item for item in items]


async def _started(batcher: Batcher[int, int], *items: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batcher.submit(item)) for item in items]
    for _ in range(3):  # submit, then the runner, then its statement
        await asyncio.sleep(0)
    return tasks


async def test_a_lone_item_goes_at_once() -> None:
    statements = Statements()
    statements.go.set()
    assert await Batcher(statements.run).submit(4) == 8
    assert statements.seen == [[4]]


async def test_what_arrives_while_statements_are_in_flight_shares_the_next() -> None:
    statements = Statements()
    batcher = Batcher(statements.run, in_flight=2)
    tasks = await _started(batcher, 1)
    tasks += await _started(batcher, 2)
    tasks += await _started(batcher, 3, 4, 5)
    statements.go.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert statements.seen == [[1], [2], [3, 4, 5]]


async def test_a_batch_has_a_limit() -> None:
    statements = Statements()
    batcher = Batcher(statements.run, most=2, in_flight=1)
    tasks = await _started(batcher, 0, 1, 2, 3, 4)
    statements.go.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in statements.seen] == [2, 2, 1]


async def test_one_bad_item_fails_alone() -> None:
    statements = Statements()
    statements.go.set()
    batcher = Batcher(statements.run)
    tasks = await _started(batcher, 1, 13, 2)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[1], StatementRefused)
    assert (answers[0], answers[2]) == (2, 4)
    assert statements.seen == [[1, 13, 2], [1], [13], [2]]


async def test_an_outage_fails_all_without_trying_each() -> None:
    """Whether it was committed is not known: a second try could write twice."""
    statements = Statements()
    statements.go.set()
    tasks = await _started(Batcher(statements.run), 1, 99)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable, DatabaseUnavailable]
    assert statements.seen == [[1, 99]]


async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    statements = Statements()
    batcher = Batcher(statements.run, in_flight=1)
    impatient, patient = await _started(batcher, 1, 2)
    impatient.cancel()
    statements.go.set()
    assert await patient == 4
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_nothing_is_left_behind_when_a_runner_ends() -> None:
    """An item that comes in the very moment the last statement ends starts another one."""
    statements = Statements()
    statements.go.set()
    batcher = Batcher(statements.run, in_flight=1)
    for item in range(1000, 1200):
        first = asyncio.create_task(batcher.submit(item))
        for _ in range(item % 6):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert await batcher.submit(item) == await first == 2 * item
