"""Batches of events on their way into the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import asyncpg
import msgspec

from analytics.batcher import IN_FLIGHT, Key
from analytics.database import Connection, Pool, connect_arguments, database_away
from analytics.errors import UnstorableEvent
from analytics.event_row import EventRow
from analytics.schema import check_schema

COMMAND_SECONDS = 10.0
PING_SECONDS = 2.0

# A transaction in itself; how it counts is the schema's business (migrations/r0001/rules.py).
_RECORD = "SELECT source, id FROM analytics.record($1)"


def open_pool(url: str) -> Pool:
    """Connects on first use: a database that is away must not keep the process from saying so."""
    return asyncpg.create_pool(
        **connect_arguments(url),
        min_size=0,
        max_size=IN_FLIGHT,
        command_timeout=COMMAND_SECONDS,
        init=_get_ready,
        reset=_nothing_to_reset,
    )


async def _get_ready(connection: Connection) -> None:
    """Check the schema and have the statements planned, before an event waits for it."""
    await check_schema(connection)
    await connection.fetch(_RECORD, "[]")


async def _nothing_to_reset(connection: Connection) -> None:
    """Nothing here leaves session state, and asyncpg's own reset costs a round trip per batch."""


class PostgresStore:
    """Writes batches; safe to call from several tasks, replicas and versions of this function at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(self, rows: Sequence[EventRow]) -> set[Key]:
        """Commit the rows and return the keys of those that were new, or raise and leave nothing behind."""
        document = msgspec.json.encode(rows).decode()
        with _sorted_out():
            fresh = await self._pool.fetch(_RECORD, document)
        return {(row["source"], row["id"]) for row in fresh}

    async def ping(self) -> None:
        """Raise DatabaseAway or SchemaMissing unless an event could be stored now."""
        with _sorted_out():
            await self._pool.fetchval("SELECT 1", timeout=PING_SECONDS)


@contextmanager
def _sorted_out() -> Iterator[None]:
    """The event's fault, or the database's: the difference between a dead letter and another try."""
    try:
        yield
    except (
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.ProgramLimitExceededError,
    ) as error:
        raise UnstorableEvent(f"PostgreSQL refuses the event: {error}.") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise database_away(error) from error
