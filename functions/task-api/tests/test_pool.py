"""The pool lends healthy connections, and no more of them than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from task_api.database import Database, open_database
from task_api.errors import DatabaseUnavailable, StatementRefused
from task_api.pool import Pool

_KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'"


@asynccontextmanager
async def _pool(url: str, *, size: int, patience: float = 5) -> AsyncIterator[Pool]:
    pool = Pool(_connector(url), size=size, timeout=patience)
    yield pool
    await pool.close()


def _connector(url: str) -> Callable[[], Awaitable[asyncpg.Connection]]:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url)

    return connect


async def test_the_connection_used_last_is_lent_first(postgres_url: str) -> None:
    async with _pool(postgres_url, size=2) as pool:
        first, second = await pool.acquire(), await pool.acquire()
        pool.release(second)
        pool.release(first)
        assert await pool.acquire() is first
        pool.release(first)


async def test_who_comes_too_many_waits_for_a_turn(postgres_url: str) -> None:
    async with _pool(postgres_url, size=1) as pool:
        only = await pool.acquire()
        waiting = [asyncio.create_task(pool.acquire()) for _ in range(2)]
        await asyncio.sleep(0)
        pool.release(only)
        assert await waiting[0] is only
        assert not waiting[1].done()
        pool.release(only)
        pool.release(await waiting[1])


async def test_waiting_has_an_end(postgres_url: str) -> None:
    async with _pool(postgres_url, size=1, patience=0.05) as pool:
        only = await pool.acquire()
        with pytest.raises(TimeoutError):
            await pool.acquire()
        pool.release(only)
        assert await pool.acquire() is only
        pool.release(only)


async def test_a_turn_that_is_not_taken_goes_to_the_next(postgres_url: str) -> None:
    async with _pool(postgres_url, size=1) as pool:
        only = await pool.acquire()
        leaving, staying = (asyncio.create_task(pool.acquire()) for _ in range(2))
        await asyncio.sleep(0)
        pool.release(only)
        leaving.cancel()
        async with asyncio.timeout(5):
            pool.release(await staying)


async def test_a_dead_connection_is_replaced(postgres_url: str) -> None:
    async with _pool(postgres_url, size=1) as pool:
        dead = await pool.acquire()
        pool.release(dead)
        dead.terminate()
        alive = await pool.acquire()
        assert await alive.fetchval("SELECT 1") == 1
        pool.release(alive)


async def test_a_failed_connect_keeps_no_place() -> None:
    async def refuse() -> asyncpg.Connection:
        raise ConnectionRefusedError

    pool = Pool(refuse, size=1, timeout=5)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await pool.acquire()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with open_database(postgres_url, size=1, timeout=0.5) as database:
        yield database


async def test_a_refused_statement_leaves_its_connection_usable(database: Database) -> None:
    before = await database.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(StatementRefused):
        await database.fetch("SELECT 1 / $1::int", 0)
    assert await database.fetchval("SELECT pg_backend_pid()") == before


async def test_a_statement_that_takes_too_long_gives_its_connection_up(database: Database) -> None:
    before = await database.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(DatabaseUnavailable):
        await database.fetch("SELECT pg_sleep(60)")
    assert await database.fetchval("SELECT pg_backend_pid()") != before


async def test_a_killed_backend_is_an_outage_and_then_none(postgres_url: str, database: Database) -> None:
    pid = await database.fetchval("SELECT pg_backend_pid()")
    other = await asyncpg.connect(postgres_url)
    sleeping = asyncio.create_task(database.fetch("SELECT pg_sleep(60)"))
    while not await other.fetchval(_KILL, pid):
        await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable):
        await sleeping
    assert await database.fetchval("SELECT 1") == 1
    await other.close()


async def test_an_argument_of_the_wrong_type_is_no_outage(database: Database) -> None:
    with pytest.raises(StatementRefused):
        await database.fetch("SELECT $1::int", "one")
