"""`analytics recompute`: every number again, from the log and from what was pruned of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from analytics.database import Connection
from analytics.locks import WRITERS
from analytics.numbers import COUNTED, MERGED, REGISTERS, SUMS

# Gives `merged`, `tallied` and `timed`: what the tables task, tally and duration should hold.
_NUMBERS = f"""
WITH new_fact AS MATERIALIZED (SELECT * FROM analytics.fact),
part AS (
    SELECT {REGISTERS} FROM new_fact
     UNION ALL
    SELECT {REGISTERS} FROM analytics.pruned_task WHERE version > 0
),
{MERGED},
change AS (SELECT 1 AS sign, merged.* FROM merged),
of_log AS (WITH {COUNTED} SELECT * FROM counted),
counted AS (
    SELECT * FROM of_log
     UNION ALL
    SELECT user_id, hour, created, updated, completed, deleted FROM analytics.pruned_tally
),
{SUMS}
"""  # noqa: S608 - made of this package's constants


def _documents(task: str, tally: str, duration: str) -> str:
    """Rows as (what, key, value), so that one comparison serves three tables.

    A task without an event and a row of zeros (a user whose last task changed hands) are as good as absent.
    """
    return f"""
    SELECT 'task' AS what, jsonb_build_array(source, task_id) AS key,
           to_jsonb({task}) - 'source' - 'task_id' AS value
      FROM {task} WHERE version > 0
     UNION ALL
    SELECT 'tally', jsonb_build_array(user_id, hour), to_jsonb({tally}) - 'user_id' - 'hour'
      FROM {tally}
     WHERE (created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted)
           <> (0, 0, 0, 0, 0, 0, 0)
     UNION ALL
    SELECT 'duration', jsonb_build_array(user_id, hour, milliseconds), jsonb_build_object('tasks', tasks)
      FROM {duration} WHERE tasks <> 0"""  # noqa: S608 - table names of this module


_COMPARE = f"""
{_NUMBERS},
stored AS (
    WITH task AS (SELECT {REGISTERS} FROM analytics.task),
         tally AS (SELECT * FROM analytics.tally),
         duration AS (SELECT * FROM analytics.duration)
    {_documents("task", "tally", "duration")}
),
recomputed AS ({_documents("merged", "tallied", "timed")})
SELECT what, key::text, stored.value::text AS stored, recomputed.value::text AS recomputed
  FROM stored FULL JOIN recomputed USING (what, key)
 WHERE stored.value IS DISTINCT FROM recomputed.value
 ORDER BY what, key
"""  # noqa: S608 - made of this package's constants

_MISSING_VERSIONS = """
SELECT jsonb_build_array(source, task_id)::text AS key, versions::text,
       (int8multirange(int8range(1, upper(versions))) - versions)::text AS missing
  FROM (SELECT source, task_id, range_agg(versions) AS versions
          FROM (SELECT source, task_id, int8multirange(int8range(version, version, '[]')) AS versions
                  FROM analytics.event
                 UNION ALL
                SELECT source, task_id, versions FROM analytics.pruned_task) AS part
         GROUP BY source, task_id) AS seen
 WHERE versions <> int8multirange(int8range(1, upper(versions)))
 ORDER BY source, task_id
"""

_REWRITE = f"""
{_NUMBERS},
tasks AS (INSERT INTO analytics.task ({REGISTERS}) SELECT {REGISTERS} FROM merged),
tallies AS (
    INSERT INTO analytics.tally (
           user_id, hour, created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted)
    SELECT user_id, hour, created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted
      FROM tallied
)
INSERT INTO analytics.duration (user_id, hour, milliseconds, tasks)
SELECT user_id, hour, milliseconds, tasks FROM timed
"""  # noqa: S608 - made of this package's constants


class Difference(NamedTuple):
    """One number that is not what the log says; an absent row is `-`."""

    what: str
    key: str
    number: str
    stored: str
    recomputed: str


async def find_differences(connection: Connection) -> list[Difference]:
    """One snapshot, no lock: each transaction of a writer is in it as a whole or not at all."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        numbers = await connection.fetch(_COMPARE)
        gaps = await connection.fetch(_MISSING_VERSIONS)
    found = [difference for row in numbers for difference in _by_number(dict(row))]
    return found + [Difference("versions", row["key"], "seen", row["versions"], f"also {row['missing']}") for row in gaps]


def _by_number(row: dict[str, str | None]) -> Iterator[Difference]:
    stored, recomputed = _document(row["stored"]), _document(row["recomputed"])
    for number in stored | recomputed:
        left, right = str(stored.get(number, "-")), str(recomputed.get(number, "-"))
        if left != right:
            yield Difference(str(row["what"]), str(row["key"]), number, left, right)


def _document(text: str | None) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


async def rewrite(connection: Connection) -> None:
    """Writers wait meanwhile, and their callers are told to come again if it takes long."""
    async with connection.transaction(isolation="read_committed"):
        await connection.execute(f"SELECT pg_advisory_xact_lock({WRITERS})")
        await connection.execute("DELETE FROM analytics.task")
        await connection.execute("DELETE FROM analytics.tally")
        await connection.execute("DELETE FROM analytics.duration")
        await connection.execute(_REWRITE)
