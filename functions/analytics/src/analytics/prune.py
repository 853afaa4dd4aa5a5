"""`analytics prune`: old events leave the log, their numbers stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from analytics.database import Connection
from analytics.locks import WRITERS
from analytics.numbers import COUNTED, MERGED, REGISTERS

BATCH = 2000

# What the events say together is merged into `pruned_task` and `pruned_tally`, from which recomputing starts.
# Their versions are kept as ranges, so that a late duplicate is still known. The age is the time of arrival:
# a late event is as new to the readers of the log as any other.
_PRUNE = f"""
WITH doomed AS MATERIALIZED (
    SELECT xid, position FROM analytics.event WHERE received_at < $1 ORDER BY xid, position LIMIT $2
),
new_fact AS MATERIALIZED (
    SELECT fact.* FROM analytics.fact JOIN doomed USING (xid, position)
),
gone AS (
    DELETE FROM analytics.event USING doomed
     WHERE event.xid = doomed.xid AND event.position = doomed.position
    RETURNING event.source, event.task_id, event.version
),
touched AS MATERIALIZED (
    SELECT source, task_id, range_agg(int8range(version, version, '[]')) AS versions
      FROM gone
     GROUP BY source, task_id
),
part AS (
    SELECT {REGISTERS} FROM new_fact
     UNION ALL
    SELECT {REGISTERS} FROM analytics.pruned_task JOIN touched USING (source, task_id)
),
{MERGED},
{COUNTED},
hours AS (
    INSERT INTO analytics.pruned_tally AS stored (user_id, hour, created, updated, completed, deleted)
    SELECT user_id, hour, created, updated, completed, deleted FROM counted
        ON CONFLICT (user_id, hour) DO UPDATE
       SET created = stored.created + excluded.created, updated = stored.updated + excluded.updated,
           completed = stored.completed + excluded.completed, deleted = stored.deleted + excluded.deleted
),
tasks AS (
    INSERT INTO analytics.pruned_task AS stored ({REGISTERS}, versions)
    SELECT source, task_id, coalesce(version, 0), coalesce(id, ''), coalesce(user_id, ''),
           coalesce(completed, false), coalesce(deleted, false), created_at, completed_at, versions
      FROM touched LEFT JOIN merged USING (source, task_id)
        ON CONFLICT (source, task_id) DO UPDATE
       SET version = excluded.version, id = excluded.id, user_id = excluded.user_id,
           completed = excluded.completed, deleted = excluded.deleted,
           created_at = excluded.created_at, completed_at = excluded.completed_at,
           versions = stored.versions + excluded.versions
)
SELECT count(*) FROM gone
"""  # noqa: S608 - made of this package's constants


async def prune(connection: Connection, older_than: timedelta, batch: int = BATCH) -> int:
    """Return how many events left; each batch is a transaction of its own that writers wait for."""
    before = datetime.now(UTC) - older_than
    total = 0
    while True:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(f"SELECT pg_advisory_xact_lock({WRITERS})")
            count: int = await connection.fetchval(_PRUNE, before, batch)
        total += count
        if count < batch:
            return total
