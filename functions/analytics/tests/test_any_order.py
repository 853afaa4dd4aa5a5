"""Promise 2: every event counts once, whatever is sent twice, late, in between or at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.batcher import Batcher
from analytics.database import Connection
from analytics.prune import prune
from analytics.recompute import find_differences, rewrite
from analytics.store import PostgresStore, open_pool
from task_events import TaskEvent

from .events import make_row
from .histories import deliveries, histories
from .model import expected_numbers, stored_numbers

T = TypeVar("T")
Deliver = Callable[[list[TaskEvent]], Awaitable[list[bool]]]

# Each example empties the database itself.
in_one_database = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def on_empty(url: str, scenario: Callable[[Connection, Deliver], Awaitable[T]]) -> T:
    """Run with two replicas of the function, which take turns to receive."""

    async def run() -> T:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "TRUNCATE analytics.event, analytics.task, analytics.tally, analytics.duration,"
            " analytics.pruned_task, analytics.pruned_tally"
        )
        pools = [await open_pool(url), await open_pool(url)]
        replicas = [Batcher(PostgresStore(pool).write) for pool in pools]

        async def deliver(wave: list[TaskEvent]) -> list[bool]:
            rows = [await make_row(event) for event in wave]
            return await asyncio.gather(
                *(replicas[number % 2].record(row) for number, row in enumerate(rows))
            )

        try:
            return await scenario(connection, deliver)
        finally:
            for pool in pools:
                await pool.close()
            await connection.close()

    return asyncio.run(run())


@in_one_database
@given(data=st.data())
def test_any_order_and_any_repetition_give_the_numbers_of_the_history(
    database: str, data: st.DataObject
) -> None:
    history = data.draw(histories())
    waves = data.draw(deliveries(history))

    async def scenario(connection: Connection, deliver: Deliver) -> None:
        fresh = [new for wave in waves for new in await deliver(wave)]
        assert sum(fresh) == len(history)
        assert await stored_numbers(connection) == expected_numbers(history)
        assert await find_differences(connection) == []
        assert await connection.fetchval("SELECT count(*) FROM analytics.event") == len(history)

    on_empty(database, scenario)


@in_one_database
@given(data=st.data())
def test_pruning_at_any_moment_changes_no_number(database: str, data: st.DataObject) -> None:
    history = data.draw(histories())
    waves = data.draw(deliveries(history))
    pauses = data.draw(st.sets(st.integers(0, len(waves))))

    async def scenario(connection: Connection, deliver: Deliver) -> None:
        for number, wave in enumerate(waves):
            await deliver(wave)
            if number in pauses:
                await prune(connection, timedelta(0), batch=3)
        await deliver(history)  # all of it again: what was pruned is still known
        assert await stored_numbers(connection) == expected_numbers(history)
        assert await find_differences(connection) == []
        await rewrite(connection)
        assert await stored_numbers(connection) == expected_numbers(history)

    on_empty(database, scenario)


@in_one_database
@given(data=st.data())
def test_a_lost_event_is_the_only_thing_the_check_reports(database: str, data: st.DataObject) -> None:
    history = data.draw(histories().filter(lambda events: any(event.version > 1 for event in events)))
    lost = data.draw(st.sampled_from([e for e in history if e.version < _newest(history, e)]))

    async def scenario(connection: Connection, deliver: Deliver) -> None:
        await deliver([event for event in history if event is not lost])
        (difference,) = await find_differences(connection)
        assert difference.what == "versions"
        assert difference.key == f'["/task-api", {lost.data.payload.task_id}]'
        assert difference.recomputed == f"also {{[{lost.version},{lost.version + 1})}}"

    on_empty(database, scenario)


def _newest(history: list[TaskEvent], event: TaskEvent) -> int:
    return max(e.version for e in history if e.data.payload.task_id == event.data.payload.task_id)
