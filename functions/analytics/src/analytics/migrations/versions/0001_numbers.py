"""The log of events, the numbers that follow from it, and the views readers use.

Three layers, each a function of the one before (`analytics recompute` proves it):

1. `event`: every event once; the log, the dedupe and the replay source in one.
2. `task`: per task what its events say together. Each column is a maximum or a minimum over events, so no
   order and no repetition can change it.
3. `tally` and `duration`: sums over events and over rows of `task`, for a user or for everyone (`*`), in an
   hour (UTC) or in total (`-infinity`).

`pruned_task` and `pruned_tally` hold layers 2 and 3 of the events that were pruned from the log.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Text is compared byte by byte: the same on every server, and cheaper.
EVENT = """
CREATE TABLE analytics.event (
    position bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    source text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    subject text,
    time timestamptz NOT NULL,
    -- `*` is everyone, in the numbers.
    user_id text COLLATE "C" NOT NULL CHECK (user_id <> '*'),
    task_id bigint NOT NULL,
    -- The range that ends above the greatest bigint cannot be written down, and prune has to.
    version bigint NOT NULL CHECK (version BETWEEN 1 AND 9223372036854775806),
    data jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    -- Readers follow the log in this order, and a transaction finds its own rows by it.
    PRIMARY KEY (xid, position),
    UNIQUE (source, id)
)
"""
# Rows arrive roughly in this order: a few kB instead of a third b-tree to keep up with.
EVENT_RECEIVED = "CREATE INDEX event_received ON analytics.event USING brin (received_at)"

# `version` and `id` are those of the event with the highest version, as are user_id, completed and deleted;
# created_at is the earliest the events name, completed_at the latest. Version 0: no event yet.
TASK = """
CREATE TABLE analytics.task (
    source text COLLATE "C" NOT NULL,
    task_id bigint NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    id text COLLATE "C" NOT NULL DEFAULT '',
    user_id text COLLATE "C" NOT NULL DEFAULT '',
    completed boolean NOT NULL DEFAULT false,
    deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz,
    completed_at timestamptz,
    PRIMARY KEY (source, task_id)
) WITH (fillfactor = 70)
"""

TALLY = """
CREATE TABLE analytics.tally (
    user_id text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    completed bigint NOT NULL,
    deleted bigint NOT NULL,
    tasks_open bigint NOT NULL,
    tasks_done bigint NOT NULL,
    tasks_deleted bigint NOT NULL,
    PRIMARY KEY (user_id, hour)
) WITH (fillfactor = 50)
"""

# A histogram: sums of two histograms are a histogram, which percentiles are not.
DURATION = """
CREATE TABLE analytics.duration (
    user_id text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    milliseconds bigint NOT NULL,
    tasks bigint NOT NULL,
    PRIMARY KEY (user_id, hour, milliseconds)
) WITH (fillfactor = 70)
"""

# The versions are ranges: a task without a gap costs one, however long its life.
PRUNED_TASK = """
CREATE TABLE analytics.pruned_task (
    LIKE analytics.task INCLUDING ALL,
    versions int8multirange NOT NULL
)
"""

PRUNED_TALLY = """
CREATE TABLE analytics.pruned_tally (
    user_id text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    completed bigint NOT NULL,
    deleted bigint NOT NULL,
    PRIMARY KEY (user_id, hour)
)
"""

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

# The order (xid, position) is not the order of commits: a row may be written before and committed after its
# neighbours. Below the horizon every transaction has ended, so a reader that remembers the last pair it saw
# misses nothing.
V_ACTIVITY = """
CREATE VIEW analytics.v_activity AS
SELECT xid, position, source, id, type, subject, time, user_id, task_id, version, data, received_at
  FROM analytics.event
 WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
"""


def percentiles(histogram: str) -> str:
    """The nearest-rank percentiles of the rows of `duration` that the condition names."""
    return f"""
 CROSS JOIN LATERAL (
        SELECT min(milliseconds) FILTER (WHERE running >= total * 0.5) / 1000.0::float8
                   AS seconds_to_complete_p50,
               min(milliseconds) FILTER (WHERE running >= total * 0.9) / 1000.0::float8
                   AS seconds_to_complete_p90
          FROM (SELECT milliseconds, sum(sum(tasks)) OVER (ORDER BY milliseconds) AS running,
                       sum(sum(tasks)) OVER () AS total
                  FROM analytics.duration
                 WHERE tasks > 0 AND {histogram}
                 GROUP BY milliseconds) AS histogram
       ) AS percentile
"""


COMPLETION_RATE = "tasks_done::float8 / nullif(tasks_open + tasks_done, 0) AS completion_rate"

V_SUMMARY = f"""
CREATE VIEW analytics.v_summary AS
SELECT tally.user_id,
       created + updated + completed + deleted AS events,
       created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted,
       {COMPLETION_RATE},
       seconds_to_complete_p50, seconds_to_complete_p90,
       coalesce(streak_days, 0) AS streak_days, coalesce(longest_streak_days, 0) AS longest_streak_days
  FROM analytics.tally
  {percentiles("duration.user_id = tally.user_id AND duration.hour = '-infinity'")}
 CROSS JOIN LATERAL (
        SELECT max(days) FILTER (WHERE last >= (now() AT TIME ZONE 'UTC')::date - 1) AS streak_days,
               max(days) AS longest_streak_days
          FROM (SELECT count(*) AS days, max(day) AS last
                  FROM (SELECT day, day - (row_number() OVER (ORDER BY day))::int AS island
                          FROM (SELECT DISTINCT (worked.hour AT TIME ZONE 'UTC')::date AS day
                                  FROM analytics.tally AS worked
                                 WHERE worked.user_id = tally.user_id
                                   AND worked.hour > '-infinity' AND worked.completed > 0) AS days
                       ) AS numbered
                 GROUP BY island) AS streak
       ) AS streaks
 WHERE hour = '-infinity'
"""

V_HOURLY = f"""
CREATE VIEW analytics.v_hourly AS
SELECT tally.user_id, tally.hour, created, updated, completed, deleted,
       tasks_open, tasks_done, tasks_deleted, {COMPLETION_RATE},
       seconds_to_complete_p50, seconds_to_complete_p90
  FROM analytics.tally
  {percentiles("duration.user_id = tally.user_id AND duration.hour = tally.hour")}
 WHERE tally.hour > '-infinity'
"""

IN_THE_DAY = """duration.user_id = daily.user_id
                   AND duration.hour >= day::timestamp AT TIME ZONE 'UTC'
                   AND duration.hour < (day + 1)::timestamp AT TIME ZONE 'UTC'"""

V_DAILY = f"""
CREATE VIEW analytics.v_daily AS
SELECT daily.user_id, day, created, updated, completed, deleted,
       tasks_open, tasks_done, tasks_deleted, {COMPLETION_RATE},
       seconds_to_complete_p50, seconds_to_complete_p90
  FROM (SELECT user_id, (hour AT TIME ZONE 'UTC')::date AS day,
               sum(created)::bigint AS created, sum(updated)::bigint AS updated,
               sum(completed)::bigint AS completed, sum(deleted)::bigint AS deleted,
               sum(tasks_open)::bigint AS tasks_open, sum(tasks_done)::bigint AS tasks_done,
               sum(tasks_deleted)::bigint AS tasks_deleted
          FROM analytics.tally
         WHERE hour > '-infinity'
         GROUP BY 1, 2) AS daily
  {percentiles(IN_THE_DAY)}
"""

COMMENTS = (
    "COMMENT ON VIEW analytics.v_summary IS 'One row per user and one for everyone (user_id *). created,"
    " updated, completed, deleted count events; tasks_* count tasks as their newest event left them;"
    " completion_rate is done / (open + done); a streak is a run of UTC days with a completion, and the"
    " current one ended no earlier than yesterday.'",
    "COMMENT ON VIEW analytics.v_hourly IS 'As v_summary, per hour (UTC): events by their own time, tasks by"
    " the time they were created, seconds_to_complete by the time they were completed.'",
    "COMMENT ON VIEW analytics.v_daily IS 'As v_hourly, per day (UTC).'",
    "COMMENT ON VIEW analytics.v_activity IS 'The log without rows whose neighbours may still commit: read"
    " WHERE (xid, position) > the last pair seen ORDER BY xid, position.'",
)

# Managed databases may not let the owner of a database create roles: then readers need a role of the
# administrator's, and the numbers come first. Roles belong to the whole server, so another database may
# create this one at the same moment.
READER = """
DO $$ BEGIN
    CREATE ROLE analytics_reader NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING 'the role analytics_reader was not created: this user may not create roles';
END $$
"""
READER_RIGHTS = """
DO $$ BEGIN
    IF to_regrole('analytics_reader') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA analytics TO analytics_reader;
        GRANT SELECT ON analytics.v_summary, analytics.v_hourly, analytics.v_daily, analytics.v_activity
            TO analytics_reader;
    END IF;
END $$
"""

STATEMENTS = (
    EVENT,
    EVENT_RECEIVED,
    TASK,
    TALLY,
    DURATION,
    PRUNED_TASK,
    PRUNED_TALLY,
    FACT,
    ROUNDED,
    V_ACTIVITY,
    V_SUMMARY,
    V_HOURLY,
    V_DAILY,
    *COMMENTS,
    READER,
    READER_RIGHTS,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only expand; an older program runs on a newer schema")
