"""What is removed for good, in batches small enough not to disturb anybody."""

from __future__ import annotations

from task_api.database import Database

# One replica at a time; the lock ends with the statement, so that a pooler cannot lose it.
_TURN = "turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(1952543596) AS mine)"

# A task whose last event no broker has yet keeps its row.
_TASKS = f"""
WITH {_TURN}, old AS (
    SELECT task_id FROM tasks.task, turn
    WHERE turn.mine AND deleted_at < now() - make_interval(days => $1)
      AND NOT EXISTS (SELECT FROM tasks.outbox WHERE outbox.task_id = task.task_id)
    LIMIT $2
), gone AS (
    DELETE FROM tasks.task USING old
    WHERE task.task_id = old.task_id AND task.deleted_at IS NOT NULL  -- asked again: it may just be restored
    RETURNING 1
)
SELECT count(*) FROM gone"""  # noqa: S608  constant

_KEYS = f"""
WITH {_TURN}, old AS (
    SELECT user_id, key FROM tasks.idempotency, turn
    WHERE turn.mine AND created_at < now() - interval '24 hours' LIMIT $1
), gone AS (
    DELETE FROM tasks.idempotency AS i USING old WHERE i.user_id = old.user_id AND i.key = old.key RETURNING 1
)
SELECT count(*) FROM gone"""  # noqa: S608  constant


class RetentionRepository:
    """Each call removes at most `most` rows and returns how many; 0 where another replica is at it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remove_tasks(self, days: int, most: int) -> int:
        removed: int = await self._database.fetchval(_TASKS, days, most)
        return removed

    async def remove_keys(self, most: int) -> int:
        removed: int = await self._database.fetchval(_KEYS, most)
        return removed
