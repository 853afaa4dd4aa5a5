"""`analytics recompute`: every number again, from the log and from what was pruned of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from analytics.database import Connection
from analytics.locks import WRITERS


def _documents(prefix: str) -> str:
    """Rows as (what, key, value), so that one comparison serves three tables.

    A task without an event and a row of zeros (a user whose last task changed hands) are as good as absent.
    """
    return f"""
    SELECT 'task' AS what, jsonb_build_array(source, task_id) AS key,
           to_jsonb(task) - 'source' - 'task_id' AS value
      FROM analytics.{prefix}task AS task WHERE version > 0
     UNION ALL
    SELECT 'tally', jsonb_build_array(user_id, hour), to_jsonb(tally) - 'user_id' - 'hour'
      FROM analytics.{prefix}tally AS tally
     WHERE (created, updated, completed, deleted, tasks_open, tasks_done, tasks_deleted)
           <> (0, 0, 0, 0, 0, 0, 0)
     UNION ALL
    SELECT 'duration', jsonb_build_array(user_id, hour, milliseconds), jsonb_build_object('tasks', tasks)
      FROM analytics.{prefix}duration AS duration WHERE tasks <> 0"""


_COMPARE = f"""
SELECT what, key::text, stored.value::text AS stored, recomputed.value::text AS recomputed
  FROM ({_documents("")}) AS stored FULL JOIN ({_documents("recomputed_")}) AS recomputed USING (what, key)
 WHERE stored.value IS DISTINCT FROM recomputed.value
 ORDER BY what, key
"""

_GAPS = """
SELECT jsonb_build_array(source, task_id)::text AS key, versions::text, missing::text
  FROM analytics.missing_version
 ORDER BY source, task_id
"""

# The columns of the views are in the tables' order.
_REWRITE = f"""
SELECT pg_advisory_xact_lock({WRITERS});
DELETE FROM analytics.task;
DELETE FROM analytics.tally;
DELETE FROM analytics.duration;
INSERT INTO analytics.task SELECT * FROM analytics.recomputed_task;
INSERT INTO analytics.tally SELECT * FROM analytics.recomputed_tally;
INSERT INTO analytics.duration SELECT * FROM analytics.recomputed_duration;
"""


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
        gaps = await connection.fetch(_GAPS)
    found = [difference for row in numbers for difference in _by_number(dict(row))]
    return found + [
        Difference("versions", row["key"], "seen", row["versions"], f"also {row['missing']}") for row in gaps
    ]


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
        await connection.execute(_REWRITE)
