"""The outbox: rows are claimed by lease, so no lock is held while a broker thinks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from task_api.database import Database

# What these functions promise stands beside their text, in the migrations.
_CLAIM = """
SELECT task_id, version, event_id, type, user_id, time, payload, traceparent, tracestate, attempts
FROM tasks.claim($1, $2, $3)"""
_ACCEPT = "SELECT tasks.accept($1, $2)"
_NEXT = "SELECT extract(epoch FROM tasks.next_due() - now())::float8"

# `(SELECT $1::bigint[])` hides how long an array is: PostgreSQL would plan anew each time (0.15 ms, measured).
_POSTPONE = """
UPDATE tasks.outbox AS o
SET leased_until = NULL, lease_owner = NULL, last_error = coalesce(failed.error, o.last_error),
    attempts = o.attempts + (failed.error IS NOT NULL)::int,
    next_attempt_at = now() + make_interval(secs => failed.delay),
    parked_at = CASE WHEN failed.park THEN now() END
FROM unnest((SELECT $1::bigint[]), (SELECT $2::int[]), (SELECT $3::float8[]), (SELECT $4::text[]),
            (SELECT $5::bool[])) AS failed (task_id, version, delay, error, park)
WHERE o.task_id = failed.task_id AND o.version = failed.version AND o.lease_owner = $6"""

_RELEASE = "UPDATE tasks.outbox SET leased_until = NULL, lease_owner = NULL WHERE lease_owner = $1"

_COUNTS = """
SELECT count(*) FILTER (WHERE parked_at IS NULL) AS waiting, count(parked_at) AS parked,
       coalesce(extract(epoch FROM now() - min(time) FILTER (WHERE parked_at IS NULL)), 0)::float8 AS oldest
FROM tasks.outbox"""

_SHOW = """
SELECT event_id, type, task_id, version, user_id, time, state, attempts, next_attempt_at, last_error
FROM tasks.v_outbox WHERE state = 'parked' OR NOT $1
ORDER BY time, task_id, version LIMIT $2"""

_UNPARK = """
UPDATE tasks.outbox SET parked_at = NULL, attempts = 0, next_attempt_at = now()
WHERE event_id = $1 AND parked_at IS NOT NULL RETURNING task_id"""


class Claimed(NamedTuple):
    task_id: int
    version: int
    event_id: UUID
    type: str
    user_id: str
    time: datetime
    payload: str
    traceparent: str | None
    tracestate: str | None
    attempts: int


class Postponed(NamedTuple):
    """`error` is None where the event was given back without an attempt."""

    task_id: int
    version: int
    delay: float
    error: str | None
    park: bool


class Counts(NamedTuple):
    waiting: float
    parked: float
    oldest_seconds: float


class OutboxRepository:
    """`owner` names this process in the leases it takes."""

    def __init__(self, database: Database, owner: UUID) -> None:
        self._database = database
        self._owner = owner

    async def claim(self, most: int, lease_seconds: float) -> list[Claimed]:
        """Return the lowest waiting versions that are due; fewer than `most` mean that no more are."""
        rows = await self._database.fetch(_CLAIM, most, lease_seconds, self._owner)
        return [Claimed(*row) for row in rows]

    async def delete(self, accepted: Sequence[Claimed]) -> bool:
        """Return whether a later version of one of the tasks waits."""
        ids, versions = [row.task_id for row in accepted], [row.version for row in accepted]
        followed: bool = await self._database.fetchval(_ACCEPT, ids, versions)
        return followed

    async def postpone(self, failed: Sequence[Postponed]) -> None:
        columns = map(list, zip(*failed, strict=True))
        await self._database.fetch(_POSTPONE, *columns, self._owner)

    async def release_all(self) -> None:
        """Another process may have them at once instead of after the lease."""
        await self._database.fetch(_RELEASE, self._owner)

    async def seconds_to_next(self) -> float | None:
        """Return None where nothing waits."""
        seconds: float | None = await self._database.fetchval(_NEXT)
        return seconds

    async def counts(self) -> Counts:
        row = await self._database.fetchrow(_COUNTS)
        assert row is not None
        return Counts(*row)

    async def show(self, *, parked_only: bool, most: int) -> list[asyncpg.Record]:
        return await self._database.fetch(_SHOW, parked_only, most)

    async def unpark(self, event_id: UUID) -> bool:
        return await self._database.fetchval(_UNPARK, event_id) is not None
