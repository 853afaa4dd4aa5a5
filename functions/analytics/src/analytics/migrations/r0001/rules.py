"""How numbers follow from events.

These rules are the database's and not the program's, so that two releases that serve side by side during a
roll-out count alike; and a batch is one round trip instead of four (measured: a third of a lone event's
latency, a tenth of the CPU of a full batch).

All of it is associative, commutative and, as far as tasks go, idempotent: that is why no order of events can
change a number.
"""

from __future__ import annotations

from analytics.locks import WRITERS

# The only place that knows what an event means; a type it does not name changes no number. An event that
# carries no created_at or completed_at still has its own time.
FACT = """
CREATE VIEW analytics.fact AS
SELECT xid, position, source, task_id, version, id, type, time, user_id, completed,
       type = 'task.deleted' AS deleted,
       coalesce((payload ->> 'created_at')::timestamptz,
                CASE WHEN type = 'task.created' THEN time END) AS created_at,
       CASE WHEN completed THEN
           coalesce((payload ->> 'completed_at')::timestamptz,
                    CASE WHEN type IN ('task.created', 'task.completed') THEN time END)
       END AS completed_at
  FROM (SELECT *, data -> 'payload' AS payload, (data -> 'payload' ->> 'completed')::boolean AS completed
          FROM analytics.event
         WHERE type IN ('task.created', 'task.updated', 'task.completed', 'task.deleted')) AS event
"""

# Two significant digits: at most 5 % off, and no more than 90 rows per power of ten.
ROUNDED = """
CREATE FUNCTION analytics.rounded_milliseconds(duration interval) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT round(ms, 2 - length(ms::text))::bigint
      FROM (SELECT greatest(trunc(extract(epoch FROM duration) * 1000), 0) AS ms) AS whole
$$
"""

REGISTERS = "source, task_id, version, id, user_id, completed, deleted, created_at, completed_at"

# The constants below are common table expressions. This one reads `part` (registers, any number per task) and
# gives `merged` (one per task).
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
SCOPES = """
CROSS JOIN LATERAL (VALUES (user_id, hour), ('*', hour), (user_id, '-infinity'), ('*', '-infinity'))
           AS scope (user_id, hour)"""

# Reads `counted` (events) and `change` (registers with a sign); gives `tallied`: what to add to `tally`.
TALLIED = f"""
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
    {SCOPES}
     WHERE scope.hour IS NOT NULL
     GROUP BY 1, 2
)"""

# Reads `change`; gives `timed`: what to add to `duration`.
TIMED = f"""
timed AS (
    SELECT scope.user_id, scope.hour, milliseconds, sum(sign) AS tasks
      FROM (SELECT user_id, date_trunc('hour', completed_at, 'UTC') AS hour, sign,
                   analytics.rounded_milliseconds(completed_at - created_at) AS milliseconds
              FROM change
             WHERE completed AND completed_at IS NOT NULL AND created_at IS NOT NULL) AS added
    {SCOPES}
     GROUP BY 1, 2, 3
    HAVING sum(sign) <> 0
)"""

# Takes events as a JSON array and returns the keys of those that were new.
#
# The lock keeps pruning and recomputing out until the commit. Each statement has a snapshot of its own (that
# is what READ COMMITTED is needed for) and so sees what the locks of the one before waited for. Every lock is
# taken in the order of its key, and tables always in the same order: transactions that share rows wait for
# each other but never in a circle. Hot rows (everyone, in total) come last and are held shortest.
#
# A pruned event is known by its version. The rows of `task` are made first so that the second statement has
# something to lock. Numbers change by the difference between what the tasks were and what they are now.
#
# The plans are fixed: they are made once per connection, maybe while the tables are empty, and a batch is
# always small beside a table (measured: 3 times slower after 30 000 events without this). An empty array
# counts nothing and makes both plans: a new connection is prepared with it.
RECORD = f"""
CREATE FUNCTION analytics.record(document json) RETURNS TABLE (source text, id text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'events are counted under READ COMMITTED only';
    END IF;
    PERFORM pg_advisory_xact_lock_shared({WRITERS});
    RETURN QUERY
    WITH sent AS MATERIALIZED (
        SELECT *
          FROM json_to_recordset(document) AS sent (
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
    SELECT source, id FROM fresh;
    IF NOT FOUND AND json_array_length(document) > 0 THEN
        RETURN;
    END IF;
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
    {TALLIED},
    {TIMED},
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
           tasks_deleted = stored.tasks_deleted + excluded.tasks_deleted;
END $$
"""

# Deletes up to `most` events that arrived before `before` and returns how many. What they say together goes
# into `pruned_task` and `pruned_tally`, from which recomputing starts; their versions are kept as ranges, so
# that a late duplicate is still known. The age is that of arrival: to the readers of the log a late event is
# as new as any other.
PRUNE = f"""
CREATE FUNCTION analytics.prune(before timestamptz, most bigint) RETURNS bigint
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    pruned bigint;
BEGIN
    PERFORM pg_advisory_xact_lock({WRITERS});
    WITH doomed AS MATERIALIZED (
        SELECT xid, position FROM analytics.event WHERE received_at < before ORDER BY xid, position LIMIT most
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
    -- Events of a type that is not counted leave a task without registers, but with versions.
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
    SELECT count(*) FROM gone INTO pruned;
    RETURN pruned;
END $$
"""

# What the tables of the same names should hold, made from the log and from what was pruned of it.
RECOMPUTED_TASK = f"""
CREATE VIEW analytics.recomputed_task AS
WITH part AS (
    SELECT {REGISTERS} FROM analytics.fact
     UNION ALL
    SELECT {REGISTERS} FROM analytics.pruned_task WHERE version > 0
),
{MERGED}
SELECT {REGISTERS} FROM merged
"""

RECOMPUTED_TALLY = f"""
CREATE VIEW analytics.recomputed_tally AS
WITH change AS (SELECT 1 AS sign, * FROM analytics.recomputed_task),
of_log AS (WITH new_fact AS (SELECT * FROM analytics.fact), {COUNTED} SELECT * FROM counted),
counted AS (
    SELECT * FROM of_log
     UNION ALL
    SELECT user_id, hour, created, updated, completed, deleted FROM analytics.pruned_tally
),
{TALLIED}
SELECT user_id, hour, created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted FROM tallied
"""

RECOMPUTED_DURATION = f"""
CREATE VIEW analytics.recomputed_duration AS
WITH change AS (SELECT 1 AS sign, * FROM analytics.recomputed_task),
{TIMED}
SELECT user_id, hour, milliseconds, tasks FROM timed
"""

MISSING_VERSION = """
CREATE VIEW analytics.missing_version AS
SELECT source, task_id, versions, int8multirange(int8range(1, upper(versions))) - versions AS missing
  FROM (SELECT source, task_id, range_agg(versions) AS versions
          FROM (SELECT source, task_id, int8multirange(int8range(version, version, '[]')) AS versions
                  FROM analytics.event
                 UNION ALL
                SELECT source, task_id, versions FROM analytics.pruned_task) AS part
         GROUP BY source, task_id) AS seen
 WHERE versions <> int8multirange(int8range(1, upper(versions)))
"""

STATEMENTS = (
    FACT,
    ROUNDED,
    RECORD,
    PRUNE,
    RECOMPUTED_TASK,
    RECOMPUTED_TALLY,
    RECOMPUTED_DURATION,
    MISSING_VERSION,
)
