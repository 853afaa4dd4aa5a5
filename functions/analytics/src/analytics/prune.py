"""`analytics prune`: old events leave the log, their numbers stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from analytics.database import Connection

BATCH = 2000


async def prune(connection: Connection, older_than: timedelta, batch: int = BATCH) -> int:
    """Return how many events left; writers wait for one batch at most."""
    before = datetime.now(UTC) - older_than
    total = 0
    while True:
        count: int = await connection.fetchval("SELECT analytics.prune($1, $2)", before, batch)
        total += count
        if count < batch:
            return total
