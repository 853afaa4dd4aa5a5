"""Asks the database what waits in the outbox and what is counted."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from e2e.load.errors import LoadError

QUERY = """
    SELECT (SELECT count(*) FROM tasks.v_outbox),
           (SELECT coalesce(sum(events), 0)::bigint FROM analytics.v_summary WHERE user_id = ANY($1))
"""


class Ledger:
    """`counted` starts at zero: what was there before the load does not count."""

    def __init__(self, connection: asyncpg.Connection, users: Sequence[str]) -> None:
        self._connection, self._users = connection, users
        self._before = 0

    @classmethod
    async def open(cls, url: str, users: Sequence[str]) -> Ledger:
        """Raise LoadError where nobody answers or the user may not read."""
        try:
            ledger = cls(await asyncpg.connect(url, timeout=10, command_timeout=10), users)
            _, ledger._before = await ledger.read()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise LoadError(f"the database cannot be asked: {error!r}") from error
        return ledger

    async def read(self) -> tuple[int, int]:
        """How many events wait in the outbox, of anybody, and how many of the load are counted."""
        (row,) = await self._connection.fetch(QUERY, self._users)
        return row[0], row[1] - self._before

    async def close(self) -> None:
        await self._connection.close()
