"""How numbers follow from events: SQL that recording, recomputing and pruning are made of.

Each constant is a list of common table expressions and names the ones it reads. All of it is associative,
commutative and, as far as tasks go, idempotent: that is why no order of events can change a number.
"""

from __future__ import annotations

REGISTERS = "source, task_id, version, id, user_id, completed, deleted, created_at, completed_at"

# Reads `part` (registers, any number per task); gives `merged` (one per task).
MERGED = f"""
merged AS MATERIALIZED (
    SELECT DISTINCT ON (source, task_id)
           source, task_id, version, id, user_id, completed, deleted,
           min(created_at) OVER same AS created_at, max(completed_at) OVER same AS completed_at
      FROM (SELECT {REGISTERS} FROM part) AS part
    WINDOW same AS (PARTITION BY source, task_id)
     ORDER BY source, task_id, version DESC, id DESC
)"""

# Reads `new_fact` (events); gives `counted`: one row per user and hour of the events' own time.
COUNTED = """
counted AS (
    SELECT user_id, date_trunc('hour', time, 'UTC') AS hour,
           count(*) FILTER (WHERE type = 'task.created') AS created,
           count(*) FILTER (WHERE type = 'task.updated') AS updated,
           count(*) FILTER (WHERE type = 'task.completed') AS completed,
           count(*) FILTER (WHERE type = 'task.deleted') AS deleted
      FROM new_fact
     GROUP BY 1, 2
)"""

# Four sums for each row: the user's and everyone's, of the hour and in total. A task whose creation is not
# known yet has no hour.
_SCOPES = """
CROSS JOIN LATERAL (VALUES (user_id, hour), ('*', hour), (user_id, '-infinity'), ('*', '-infinity'))
           AS scope (user_id, hour)"""

# Reads `counted` (events) and `change` (registers with a sign); gives `tallied` and `timed`: what to add to
# the rows of `tally` and `duration`.
SUMS = f"""
tallied AS (
    SELECT scope.user_id, scope.hour,
           sum(created) AS created, sum(updated) AS updated,
           sum(completed) AS completed, sum(deleted) AS deleted,
           sum(tasks_open) AS tasks_open, sum(tasks_done) AS tasks_done, sum(tasks_deleted) AS tasks_deleted
      FROM (SELECT user_id, hour, created, updated, completed, deleted,
                   0 AS tasks_open, 0 AS tasks_done, 0 AS tasks_deleted
              FROM counted
             UNION ALL
            SELECT user_id, date_trunc('hour', created_at, 'UTC'), 0, 0, 0, 0,
                   sign * (NOT deleted AND NOT completed)::int,
                   sign * (NOT deleted AND completed)::int,
                   sign * deleted::int
              FROM change) AS added
    {_SCOPES}
     WHERE scope.hour IS NOT NULL
     GROUP BY 1, 2
),
timed AS (
    SELECT scope.user_id, scope.hour, milliseconds, sum(sign) AS tasks
      FROM (SELECT user_id, date_trunc('hour', completed_at, 'UTC') AS hour, sign,
                   analytics.rounded_milliseconds(completed_at - created_at) AS milliseconds
              FROM change
             WHERE completed AND completed_at IS NOT NULL AND created_at IS NOT NULL) AS added
    {_SCOPES}
     GROUP BY 1, 2, 3
    HAVING sum(sign) <> 0
)"""
