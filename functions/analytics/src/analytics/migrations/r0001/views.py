"""What readers see; the role they see it with is revision 0002's."""

from __future__ import annotations

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
    (
        "COMMENT ON VIEW analytics.v_summary IS 'One row per user and one for everyone (user_id *). created,"
        " updated, completed, deleted count events; tasks_* count tasks as their newest event left them;"
        " completion_rate is done / (open + done); a streak is a run of UTC days with a completion, and the"
        " current one ended no earlier than yesterday.'"
    ),
    (
        "COMMENT ON VIEW analytics.v_hourly IS 'As v_summary, per hour (UTC): events by their own time,"
        " tasks by the time they were created, seconds_to_complete by the time they were completed.'"
    ),
    "COMMENT ON VIEW analytics.v_daily IS 'As v_hourly, per day (UTC).'",
    (
        "COMMENT ON VIEW analytics.v_activity IS 'The log without rows whose neighbours may still commit:"
        " read WHERE (xid, position) > the last pair seen ORDER BY xid, position.'"
    ),
)

STATEMENTS = (V_ACTIVITY, V_SUMMARY, V_HOURLY, V_DAILY, *COMMENTS)
