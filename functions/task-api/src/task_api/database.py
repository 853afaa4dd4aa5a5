"""The pool, and what its errors mean to a caller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

from task_api.database_url import connect_arguments
from task_api.errors import DatabaseUnavailable, StatementRefused
from task_api.pool import Pool

# SQLSTATE classes that say "not now" rather than "not this": connection, authorisation, catalog, schema
# not migrated, resources, operator intervention, system error; and a standby that was promoted away.
_AWAY_CLASSES = frozenset({"08", "28", "3D", "3F", "53", "57", "58"})
_AWAY_CODES = frozenset({"25006", "42P01", "42703"})
_AWAY = "The database does not answer; try again."


class Database:
    """Runs single statements; the process starts, and recovers, while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        with translated_errors():
            connection = await self._pool.acquire()
            try:
                rows = await connection.fetch(sql, *arguments)
            except asyncpg.PostgresError as error:
                (self._pool.release if _is_refusal(error) else self._pool.discard)(connection)
                raise
            except BaseException:
                self._pool.discard(connection)
                raise
            self._pool.release(connection)
            return rows

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        rows = await self.fetch(sql, *arguments)
        return rows[0][0] if rows else None


@asynccontextmanager
async def open_database(url: str, *, size: int = 2, timeout: float = 5) -> AsyncIterator[Database]:  # noqa: ASYNC109  bounds each call, not this one
    """Database of one process; `timeout` bounds connecting, waiting for a connection and each statement."""
    arguments = connect_arguments(url)

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            **arguments,
            timeout=timeout,
            command_timeout=timeout,
            server_settings={"application_name": "task-api"},
        )

    pool = Pool(connect, size=size, timeout=timeout)
    try:
        yield Database(pool)
    finally:
        await pool.close()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable for what passes by itself, StatementRefused for what the server rejected."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if _is_refusal(error):
            raise StatementRefused(type(error).__name__, error.sqlstate or "") from error
        raise DatabaseUnavailable(_AWAY) from error
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(_AWAY) from error


def _is_refusal(error: asyncpg.PostgresError) -> bool:
    """The server read the statement and said no; its connection is as good as before."""
    state = error.sqlstate or ""
    return state[:2] not in _AWAY_CLASSES and state not in _AWAY_CODES
