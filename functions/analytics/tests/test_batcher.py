"""Deliveries that arrive together share a transaction; each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from analytics.batcher import IN_FLIGHT, MOST_WAITING, Batcher, Key
from analytics.errors import DatabaseAway, UnstorableEvent
from analytics.event_row import EventRow

from .events import make_event, make_row
from .polling import until


class Database:
    """Takes what it is given once `gate` is open, except rows of the task ids it is told to dislike."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.kept: set[Key] = set()
        self.dislikes: dict[int, Exception] = {}
        self.in_flight = self.most_in_flight = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, rows: Sequence[EventRow]) -> set[Key]:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await self.gate.wait()
        self.in_flight -= 1
        self.batches.append([row.task_id for row in rows])
        for row in rows:
            if row.task_id in self.dislikes:
                raise self.dislikes[row.task_id]
        fresh = {(row.source, row.id) for row in rows} - self.kept
        self.kept |= fresh
        return fresh

    async def occupy(self, batcher: Batcher) -> list[asyncio.Future[bool]]:
        """Hold as many transactions in flight as there may be."""
        self.gate.clear()
        deliveries: list[asyncio.Future[bool]] = []

        async def held() -> bool:
            return self.in_flight == len(deliveries)

        for row in await rows_of_tasks(*range(1001, 1001 + IN_FLIGHT)):
            deliveries.append(asyncio.ensure_future(batcher.record(row)))
            await until(held)
        return deliveries


async def rows_of_tasks(*task_ids: int) -> list[EventRow]:
    return [await make_row(make_event(task_id=task_id)) for task_id in task_ids]


async def record_all(batcher: Batcher, rows: list[EventRow]) -> list[bool | BaseException]:
    return await asyncio.gather(*map(batcher.record, rows), return_exceptions=True)


async def test_a_lone_delivery_is_written_at_once() -> None:
    database = Database()
    (row,) = await rows_of_tasks(1)
    assert await Batcher(database.write).record(row)
    assert database.batches == [[1]]


async def test_deliveries_that_wait_share_a_transaction() -> None:
    database = Database()
    batcher = Batcher(database.write)
    first = await database.occupy(batcher)
    waiting = asyncio.ensure_future(record_all(batcher, await rows_of_tasks(*range(1, 41))))
    await asyncio.sleep(0)
    database.gate.set()
    assert await waiting == [True] * 40
    assert await asyncio.gather(*first) == [True] * IN_FLIGHT
    assert sorted(len(batch) for batch in database.batches) == [1] * IN_FLIGHT + [40]
    assert database.most_in_flight == IN_FLIGHT


async def test_the_same_event_twice_in_one_batch_is_new_once() -> None:
    database = Database()
    (row,) = await rows_of_tasks(1)
    assert sorted(map(bool, await record_all(Batcher(database.write), [row] * 5))) == [False] * 4 + [True]


async def test_one_bad_row_fails_only_its_own_delivery() -> None:
    database = Database()
    database.dislikes[2] = UnstorableEvent("no")
    answers = await record_all(Batcher(database.write), await rows_of_tasks(1, 2, 3, 4))
    assert [answer is True for answer in answers] == [True, False, True, True]
    assert isinstance(answers[1], UnstorableEvent)


async def test_a_fault_nobody_thought_of_fails_only_its_own_delivery() -> None:
    database = Database()
    database.dislikes[4] = RuntimeError("a bug")
    answers = await record_all(Batcher(database.write), await rows_of_tasks(1, 2, 3, 4))
    assert answers[:3] == [True] * 3
    assert isinstance(answers[3], RuntimeError)


async def test_a_database_that_is_away_is_not_asked_row_by_row() -> None:
    database = Database()
    database.dislikes[3] = DatabaseAway("gone")
    answers = await record_all(Batcher(database.write), await rows_of_tasks(1, 2, 3, 4))
    assert all(isinstance(answer, DatabaseAway) for answer in answers[1:])
    assert len(database.batches) <= IN_FLIGHT


async def test_a_database_that_goes_away_between_rows_is_not_asked_for_the_rest() -> None:
    database = Database()
    batcher = Batcher(database.write)
    await database.occupy(batcher)
    database.dislikes = {2: UnstorableEvent("no"), 3: DatabaseAway("gone")}
    waiting = asyncio.ensure_future(record_all(batcher, await rows_of_tasks(1, 2, 3, 4)))
    await asyncio.sleep(0)
    database.gate.set()
    assert [type(answer) for answer in await waiting] == [bool, UnstorableEvent, DatabaseAway, DatabaseAway]
    assert [batch for batch in database.batches if batch[0] <= 4] == [[1, 2, 3, 4], [1], [2], [3]]


async def test_more_than_the_database_keeps_up_with_is_refused() -> None:
    database = Database()
    batcher = Batcher(database.write)
    await database.occupy(batcher)
    waiting = asyncio.ensure_future(record_all(batcher, await rows_of_tasks(*range(1, MOST_WAITING + 4))))
    await asyncio.sleep(0)
    database.gate.set()
    answers = await waiting
    assert answers[:MOST_WAITING] == [True] * MOST_WAITING
    assert [type(answer) for answer in answers[MOST_WAITING:]] == [DatabaseAway] * 3


async def test_a_sender_that_goes_away_changes_nothing_for_the_others() -> None:
    database = Database()
    database.gate.clear()
    batcher = Batcher(database.write)
    gone, stays = [asyncio.ensure_future(batcher.record(row)) for row in await rows_of_tasks(1, 2)]
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    database.gate.set()
    assert await stays
