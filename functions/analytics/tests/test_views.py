"""What readers see, and what they cannot do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from analytics.database import Connection
from analytics.store import PostgresStore
from task_events import EventType, TaskEvent

from .events import NOON, make_event, make_row


def completed_task(task_id: int, at: datetime, took: timedelta, user_id: str = "alice") -> list[TaskEvent]:
    return [
        make_event(task_id=task_id, user_id=user_id, time=at - took),
        make_event(EventType.COMPLETED, task_id=task_id, version=2, user_id=user_id, time=at, completed=True),
    ]


async def count(store: PostgresStore, events: list[TaskEvent]) -> None:
    await store.write([await make_row(event) for event in events])


async def summary(connection: Connection, user_id: str = "alice") -> dict[str, object]:
    row = await connection.fetchrow("SELECT * FROM analytics.v_summary WHERE user_id = $1", user_id)
    return dict(row or {})


async def test_the_summary_of_a_user_and_of_everyone(store: PostgresStore, connection: Connection) -> None:
    await count(store, completed_task(1, NOON, timedelta(hours=1)))
    await count(store, [make_event(task_id=2), make_event(EventType.UPDATED, task_id=2, version=2)])
    await count(store, [make_event(task_id=3), make_event(EventType.DELETED, task_id=3, version=2)])
    await count(store, [make_event(task_id=4, user_id="bob")])
    alice = await summary(connection)
    assert alice == {
        "user_id": "alice",
        "events": 6,
        "created": 3,
        "updated": 1,
        "completed": 1,
        "deleted": 1,
        "tasks_open": 1,
        "tasks_done": 1,
        "tasks_deleted": 1,
        "completion_rate": 0.5,
        "seconds_to_complete_p50": 3600.0,
        "seconds_to_complete_p90": 3600.0,
        "streak_days": 0,
        "longest_streak_days": 1,
    }
    everyone = await summary(connection, "*")
    assert (everyone["events"], everyone["tasks_open"]) == (7, 2)
    assert everyone["completion_rate"] == pytest.approx(1 / 3)


async def test_numbers_that_do_not_exist_yet_are_null(store: PostgresStore, connection: Connection) -> None:
    await count(store, [make_event(), make_event(EventType.DELETED, version=2)])
    alice = await summary(connection)
    assert alice["completion_rate"] is None
    assert alice["seconds_to_complete_p50"] is None


async def test_percentiles_are_nearest_ranks_of_durations_of_two_digits(
    store: PostgresStore, connection: Connection
) -> None:
    for number in range(1, 11):
        await count(store, completed_task(number, NOON, timedelta(seconds=number * 1.234)))
    alice = await summary(connection)
    assert alice["seconds_to_complete_p50"] == 6.2  # 6.170 s
    assert alice["seconds_to_complete_p90"] == 11  # 11.106 s


async def test_a_reopened_task_is_open_and_its_completion_still_an_event(
    store: PostgresStore, connection: Connection
) -> None:
    await count(
        store, [*completed_task(1, NOON, timedelta(hours=1)), make_event(EventType.UPDATED, version=3)]
    )
    alice = await summary(connection)
    assert (alice["completed"], alice["tasks_open"], alice["tasks_done"]) == (1, 1, 0)
    assert alice["seconds_to_complete_p50"] is None


@pytest.mark.parametrize(
    ("days_ago", "current", "longest"),
    [
        ([0], 1, 1),
        ([1], 1, 1),
        ([2], 0, 1),
        ([0, 1, 2], 3, 3),
        ([1, 2, 4, 5, 6, 7], 2, 4),
        ([0, 0, 1], 2, 2),
    ],
)
async def test_a_streak_is_a_run_of_days_that_reaches_yesterday_or_today(
    store: PostgresStore, connection: Connection, days_ago: list[int], current: int, longest: int
) -> None:
    today = await connection.fetchval("SELECT date_trunc('day', now(), 'UTC')")
    for number, ago in enumerate(days_ago, 1):
        await count(store, completed_task(number, today - timedelta(days=ago), timedelta(days=30)))
    alice = await summary(connection)
    assert (alice["streak_days"], alice["longest_streak_days"]) == (current, longest)


async def test_hours_and_days_are_those_of_utc_and_of_the_events_themselves(
    store: PostgresStore, connection: Connection
) -> None:
    midnight = datetime(2026, 2, 4, tzinfo=UTC)
    await count(store, completed_task(1, midnight, timedelta(minutes=1)))
    await connection.execute("SET TIME ZONE 'Asia/Tokyo'")
    hourly = await connection.fetch(
        "SELECT hour, created, completed, tasks_done, seconds_to_complete_p50"
        " FROM analytics.v_hourly WHERE user_id = '*' ORDER BY hour"
    )
    # The task was created in the first hour and completed in the second.
    assert [tuple(row) for row in hourly] == [
        (midnight - timedelta(hours=1), 1, 0, 1, None),
        (midnight, 0, 1, 0, 60.0),
    ]
    daily = await connection.fetch(
        "SELECT day::text, created, completed, tasks_done, completion_rate, seconds_to_complete_p90"
        " FROM analytics.v_daily WHERE user_id = 'alice' ORDER BY day"
    )
    assert [tuple(row) for row in daily] == [
        ("2026-02-03", 1, 0, 1, 1.0, None),
        ("2026-02-04", 0, 1, 0, None, 60.0),
    ]


async def test_a_day_is_the_sum_of_its_hours(store: PostgresStore, connection: Connection) -> None:
    for number, hour in enumerate([0, 3, 9, 23], 1):
        at = datetime(2026, 2, 3, hour, 30, tzinfo=UTC)
        await count(store, completed_task(number, at, timedelta(seconds=number)))
    (row,) = await connection.fetch("SELECT * FROM analytics.v_daily WHERE user_id = '*'")
    assert (row["created"], row["completed"], row["seconds_to_complete_p50"]) == (4, 4, 2.0)


@pytest.fixture
async def reader(database: str, connection: Connection) -> AsyncIterator[Connection]:
    reader = await asyncpg.connect(database)
    await reader.execute("SET ROLE analytics_reader")
    yield reader
    await reader.close()


async def test_a_reader_sees_the_views(store: PostgresStore, reader: Connection) -> None:
    await count(store, completed_task(1, NOON, timedelta(hours=1)))
    for view in ("v_summary", "v_hourly", "v_daily", "v_activity"):
        assert await reader.fetchval(f"SELECT count(*) FROM analytics.{view}") > 0


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM analytics.event",
        "SELECT * FROM analytics.tally",
        "SELECT * FROM analytics.task",
        "SELECT * FROM analytics.fact",
        "SELECT * FROM analytics.recomputed_tally",
        "SELECT analytics.prune(now(), 1)",
        "SELECT analytics.record('[]')",
        "DELETE FROM analytics.v_activity",
        "CREATE TABLE analytics.mine ()",
    ],
)
async def test_a_reader_can_do_nothing_else(reader: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute(statement)
