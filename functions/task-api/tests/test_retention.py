"""What is removed for good, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from task_api.database import Database, open_database
from task_api.repository.retention import RetentionRepository
from task_api.retention import clean

_TASK = """
INSERT INTO tasks.task (user_id, title, deleted_at)
VALUES ('alice', 'x', now() - make_interval(days => $1)) RETURNING task_id"""
_EVENT = """
INSERT INTO tasks.outbox (task_id, version, event_id, type, user_id, time, payload)
VALUES ($1, 2, gen_random_uuid(), 'task.deleted', 'alice', now(), '{}')"""
_KEY = """
INSERT INTO tasks.idempotency (user_id, key, fingerprint, answer, created_at)
VALUES ('alice', $1, '', '', now() - make_interval(hours => $2))"""

_BLOCKED = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"""


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Database]:
    async with open_database(database) as opened:
        yield opened


async def _left(connection: Database) -> set[int]:
    return {row["task_id"] for row in await connection.fetch("SELECT task_id FROM tasks.task")}


async def test_tasks_deleted_long_ago_are_removed(connection: Database) -> None:
    old = await connection.fetchval(_TASK, 31)
    young = await connection.fetchval(_TASK, 29)
    alive = await connection.fetchval(_TASK, None)
    assert await clean(RetentionRepository(connection), days=30) == (1, 0)
    assert await _left(connection) == {young, alive}
    assert old not in await _left(connection)


async def test_a_task_whose_event_waits_stays(connection: Database) -> None:
    task_id = await connection.fetchval(_TASK, 31)
    await connection.fetch(_EVENT, task_id)
    assert await clean(RetentionRepository(connection), days=30) == (0, 0)
    await connection.fetch("DELETE FROM tasks.outbox")
    assert await clean(RetentionRepository(connection), days=30) == (1, 0)


async def test_more_than_a_batch_is_removed(connection: Database) -> None:
    for _ in range(5):
        await connection.fetchval(_TASK, 31)
    repository = RetentionRepository(connection)
    assert [await repository.remove_tasks(30, most=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_keys_older_than_a_day_are_removed(connection: Database) -> None:
    await connection.fetch(_KEY, "old", 25)
    await connection.fetch(_KEY, "young", 23)
    assert await clean(RetentionRepository(connection), days=30) == (0, 1)
    rows = await connection.fetch("SELECT key FROM tasks.idempotency")
    assert [row["key"] for row in rows] == ["young"]


async def test_one_replica_cleans_at_a_time(connection: Database, database: str) -> None:
    await connection.fetchval(_TASK, 31)
    other = await asyncpg.connect(database)
    async with other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(1952543596)")
        assert await clean(RetentionRepository(connection), days=30) == (0, 0)
    await other.close()
    assert await clean(RetentionRepository(connection), days=30) == (1, 0)


async def test_a_task_that_is_just_being_restored_is_not_removed(connection: Database, database: str) -> None:
    task_id = await connection.fetchval(_TASK, 31)
    other = await asyncpg.connect(database)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE tasks.task SET deleted_at = NULL, version = 2 WHERE task_id = $1", task_id)
    cleaning = asyncio.create_task(clean(RetentionRepository(connection), days=30))
    while not await other.fetchval(_BLOCKED):
        await asyncio.sleep(0)
    await transaction.commit()
    await other.close()
    assert await cleaning == (0, 0)
    assert await _left(connection) == {task_id}
