"""The transaction that makes a batch of events count, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import asyncpg
import msgspec

from analytics.batcher import IN_FLIGHT, Key
from analytics.database import Connection, Pool, connect_arguments, database_away
from analytics.errors import UnstorableEvent
from analytics.event_row import EventRow
from analytics.locks import WRITERS
from analytics.numbers import COUNTED, MERGED, REGISTERS, SUMS
from analytics.schema import check_schema

COMMAND_SECONDS = 10.0
PING_SECONDS = 2.0

# One round trip. The lock keeps pruning and recomputing out until the commit; it is taken before the first
# snapshot, so what they committed is seen. READ COMMITTED because each statement below relies on seeing what
# the locks of the one before waited for. The plans are fixed: they are made once per connection, maybe while
# the tables are empty, and a batch is always small beside a table (measured: 3 times slower after 30 000
# events without this; and 2 ms of planning for each of the first five executions).
BEGIN = f"""
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL jit = off;
SELECT pg_advisory_xact_lock_shared({WRITERS})
"""

# Every lock is taken in the order of its key, and tables always in the same order: transactions that share
# rows wait for each other but never in a circle. A pruned event is known by its version. The rows of `task`
# are made first so that the next statement has something to lock.
INSERT = """
WITH sent AS MATERIALIZED (
    SELECT *
      FROM json_to_recordset($1::json) AS sent (
           source text, id text, type text, subject text, time timestamptz,
           user_id text, task_id bigint, version bigint, data jsonb)
),
fresh AS (
    INSERT INTO analytics.event (source, id, type, subject, time, user_id, task_id, version, data)
    SELECT source, id, type, subject, time, user_id, task_id, version, data
      FROM sent
     WHERE NOT EXISTS (SELECT FROM analytics.pruned_task AS pruned
                        WHERE pruned.source = sent.source AND pruned.task_id = sent.task_id
                          AND pruned.versions @> sent.version)
     ORDER BY source COLLATE "C", id COLLATE "C"
        ON CONFLICT (source, id) DO NOTHING
    RETURNING source, id, task_id
),
placed AS (
    INSERT INTO analytics.task (source, task_id)
    SELECT DISTINCT source, task_id FROM fresh ORDER BY 1, 2
        ON CONFLICT DO NOTHING
)
SELECT source, id FROM fresh
"""

# The numbers change by the difference between what the tasks were and what they are now. Hot rows (everyone,
# in total) come last, so that they are held shortest.
COUNT = f"""
WITH new_fact AS MATERIALIZED (
    SELECT * FROM analytics.fact WHERE xid = pg_current_xact_id()
),
held AS MATERIALIZED (
    SELECT {REGISTERS}
      FROM analytics.task
     WHERE (source, task_id) IN (SELECT source, task_id FROM new_fact)
     ORDER BY source, task_id
       FOR UPDATE
),
part AS (
    SELECT {REGISTERS} FROM held UNION ALL SELECT {REGISTERS} FROM new_fact
),
{MERGED},
change AS (
    SELECT -1 AS sign, held.* FROM held WHERE version > 0 UNION ALL SELECT 1, merged.* FROM merged
),
{COUNTED},
{SUMS},
kept AS (
    UPDATE analytics.task
       SET version = merged.version, id = merged.id, user_id = merged.user_id,
           completed = merged.completed, deleted = merged.deleted,
           created_at = merged.created_at, completed_at = merged.completed_at
      FROM merged
     WHERE task.source = merged.source AND task.task_id = merged.task_id
),
durations AS (
    INSERT INTO analytics.duration AS stored (user_id, hour, milliseconds, tasks)
    SELECT user_id, hour, milliseconds, tasks FROM timed ORDER BY 1 DESC, 2 DESC, 3
        ON CONFLICT (user_id, hour, milliseconds) DO UPDATE SET tasks = stored.tasks + excluded.tasks
)
INSERT INTO analytics.tally AS stored (
       user_id, hour, created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted)
SELECT user_id, hour, created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted
  FROM tallied
 ORDER BY 1 DESC, 2 DESC
    ON CONFLICT (user_id, hour) DO UPDATE
   SET created = stored.created + excluded.created, updated = stored.updated + excluded.updated,
       completed = stored.completed + excluded.completed, deleted = stored.deleted + excluded.deleted,
       tasks_open = stored.tasks_open + excluded.tasks_open,
       tasks_done = stored.tasks_done + excluded.tasks_done,
       tasks_deleted = stored.tasks_deleted + excluded.tasks_deleted
"""


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
    """Check the schema and plan the statements: the first event finds them planned."""
    await check_schema(connection)
    await connection.execute(BEGIN)
    await connection.fetch(INSERT, "[]")
    await connection.fetch(COUNT)
    await connection.execute("ROLLBACK")


async def _nothing_to_reset(connection: Connection) -> None:
    """Transactions leave no session state, and asyncpg's own reset costs a round trip per batch."""


class PostgresStore:
    """Writes batches; safe to call from several tasks, replicas and versions of this function at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(self, rows: Sequence[EventRow]) -> set[Key]:
        """Commit the rows and return the keys of those that were new, or raise and leave nothing behind."""
        document = msgspec.json.encode(rows).decode()
        with _sorted_out():
            async with self._pool.acquire() as connection:
                await connection.execute(BEGIN)
                try:
                    fresh = await connection.fetch(INSERT, document)
                    if fresh:
                        await connection.fetch(COUNT)
                    await connection.execute("COMMIT")
                except BaseException:
                    if not connection.is_closed():
                        await connection.execute("ROLLBACK")
                    raise
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
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError) as e:
        raise UnstorableEvent(f"PostgreSQL refuses the event: {e}.") from e
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        raise database_away(e) from e
