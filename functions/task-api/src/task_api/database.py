"""The pool, and what its errors mean to a caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

from task_api.database_url import connect_arguments
from task_api.errors import DatabaseUnavailable, StatementRefused

# SQLSTATE classes that say "not now" rather than "not this": connection, authorisation, catalog, schema
# not migrated, resources, operator intervention, system error; and a standby that was promoted away.
_AWAY_CLASSES = frozenset({"08", "28", "3D", "3F", "53", "57", "58"})
_AWAY_CODES = frozenset({"25006", "42P01", "42703"})


async def _no_reset(_connection: object) -> None:
    """No statement here leaves session state, so a release costs no round trip (measured 1.3x)."""


class Database:
    """Opens connections on first use: the process starts, and recovers, while PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        with translated_errors():
            async with self._pool.acquire(timeout=self._timeout) as connection:
                return await connection.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        with translated_errors():
            async with self._pool.acquire(timeout=self._timeout) as connection:
                return await connection.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        with translated_errors():
            async with self._pool.acquire(timeout=self._timeout) as connection:
                return await connection.fetchval(sql, *arguments)


@asynccontextmanager
async def open_database(url: str, *, size: int = 2, timeout: float = 5) -> AsyncIterator[Database]:
    """Pool for one process; `timeout` bounds connecting, waiting for a connection and each statement."""
    pool = asyncpg.create_pool(
        **connect_arguments(url),
        min_size=0,
        max_size=size,
        timeout=timeout,
        command_timeout=timeout,
        reset=_no_reset,
        server_settings={"application_name": "task-api"},
    )
    await pool
    try:
        yield Database(pool, timeout)
    finally:
        try:
            await asyncio.wait_for(pool.close(), timeout)
        except TimeoutError:
            pool.terminate()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable for what passes by itself, StatementRefused for what the server rejected."""
    try:
        yield
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        if state[:2] in _AWAY_CLASSES or state in _AWAY_CODES:
            raise DatabaseUnavailable("The database does not answer; try again.") from error
        raise StatementRefused(type(error).__name__, state) from error
    except (OSError, asyncpg.InterfaceError, TimeoutError) as error:
        if isinstance(error, ValueError):  # an argument of the wrong type: a bug, not an outage
            raise
        raise DatabaseUnavailable("The database does not answer; try again.") from error
