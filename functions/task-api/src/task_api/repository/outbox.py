"""The outbox: rows are claimed by lease, so no lock is held while a broker thinks.

`synchronous_commit` is off for the relay's own statements: what a crash of PostgreSQL could undo is a lease
or a deletion, and either only means that an event is sent twice. Tasks and events are always durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from task_api.database import Database

_RELAXED = "relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) AS it)"

# `(SELECT $1::bigint[])` hides how long an array is: PostgreSQL would plan anew each time (0.15 ms, measured).

# Only the lowest waiting version of a task, whoever holds its lease: first acceptances are in order.
# A parked row is nobody's predecessor. SKIP LOCKED keeps two relays from waiting for each other, and
# READ COMMITTED looks at the lease once more after locking.
_HEADS = """
    parked_at IS NULL
    AND NOT EXISTS (
        SELECT FROM tasks.outbox AS earlier
        WHERE earlier.task_id = o.task_id AND earlier.version < o.version AND earlier.parked_at IS NULL
    )"""

_CLAIM = f"""
WITH {_RELAXED}, due AS (
    SELECT o.task_id, o.version FROM tasks.outbox AS o
    WHERE {_HEADS} AND o.next_attempt_at <= now() AND (o.leased_until IS NULL OR o.leased_until <= now())
    ORDER BY o.next_attempt_at LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks.outbox AS o
SET leased_until = now() + make_interval(secs => $2), lease_owner = $3
FROM due, relaxed
WHERE o.task_id = due.task_id AND o.version = due.version AND relaxed.it = 'off'
RETURNING o.task_id, o.version, o.event_id, o.type, o.user_id, o.time, o.payload, o.traceparent, o.tracestate,
          o.attempts"""  # noqa: S608  constant

# Whoever holds the lease by now: the broker has the event. A next version of the task may go at once.
_DELETE = f"""
WITH {_RELAXED}, accepted AS (
    SELECT task_id, version FROM unnest((SELECT $1::bigint[]), (SELECT $2::int[])) AS a (task_id, version)
), gone AS (
    DELETE FROM tasks.outbox AS o USING accepted, relaxed
    WHERE o.task_id = accepted.task_id AND o.version = accepted.version AND relaxed.it = 'off'
)
SELECT DISTINCT task_id FROM accepted
WHERE EXISTS (
    SELECT FROM tasks.outbox AS later
    WHERE later.task_id = accepted.task_id AND later.version > accepted.version
)"""  # noqa: S608  constant

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

# The first rows only: an outage can leave millions, and any early riser will do.
_NEXT = f"""
SELECT extract(epoch FROM min(due) - now())::float8 FROM (
    SELECT greatest(o.next_attempt_at, o.leased_until) AS due FROM tasks.outbox AS o
    WHERE {_HEADS} ORDER BY o.next_attempt_at LIMIT 100
) AS soonest"""  # noqa: S608  constant

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
        rows = await self._database.fetch(_CLAIM, most, lease_seconds, self._owner)
        return [Claimed(*row) for row in rows]

    async def delete(self, accepted: Sequence[Claimed]) -> Sequence[bool]:
        """Return for each whether a later version of its task waits."""
        ids, versions = [row.task_id for row in accepted], [row.version for row in accepted]
        followed = {row["task_id"] for row in await self._database.fetch(_DELETE, ids, versions)}
        return [task_id in followed for task_id in ids]

    async def postpone(self, failed: Sequence[Postponed]) -> Sequence[None]:
        columns = map(list, zip(*failed, strict=True))
        await self._database.fetch(_POSTPONE, *columns, self._owner)
        return [None] * len(failed)

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
