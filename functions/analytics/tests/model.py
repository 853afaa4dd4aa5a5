"""The numbers once more, in the plainest Python: what SQL is checked against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from analytics.database import Connection
from task_events import EventType, TaskEvent

ALWAYS = "always"
# (user, hour or ALWAYS, name) -> number; zeros are left out.
Numbers = dict[tuple[str, str, str], int]


def expected_numbers(events: Iterable[TaskEvent]) -> Numbers:
    numbers: Counter[tuple[str, str, str]] = Counter()
    tasks: dict[int, list[TaskEvent]] = defaultdict(list)
    for event in {event.data.event_id: event for event in events}.values():
        tasks[event.data.payload.task_id].append(event)
        _add(numbers, event.data.user_id, event.data.timestamp, event.data.event_type.removeprefix("task."))
    for history in tasks.values():
        _add_task(numbers, history)
    return dict(numbers)


def _add_task(numbers: Counter[tuple[str, str, str]], history: list[TaskEvent]) -> None:
    last = max(history, key=lambda event: event.version)
    user, completed = last.data.user_id, last.data.payload.completed
    created_at = min(filter(None, map(_created_at, history)), default=None)
    completed_at = max(filter(None, map(_completed_at, history)), default=None)
    standing = "deleted" if last.data.event_type == EventType.DELETED else "done" if completed else "open"
    _add(numbers, user, created_at, f"tasks_{standing}")
    if completed and created_at and completed_at:
        milliseconds = max(0, (completed_at - created_at) // timedelta(milliseconds=1))
        _add(numbers, user, completed_at, f"took {_two_digits(milliseconds)} ms")


def _add(numbers: Counter[tuple[str, str, str]], user: str, time: datetime | None, name: str) -> None:
    hours = [ALWAYS, _hour(time)] if time else [ALWAYS]
    numbers.update((who, hour, name) for who in (user, "*") for hour in hours)


def _hour(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H")


def _created_at(event: TaskEvent) -> datetime | None:
    of_event = event.data.timestamp if event.data.event_type == EventType.CREATED else None
    return event.data.payload.created_at or of_event


def _completed_at(event: TaskEvent) -> datetime | None:
    if not event.data.payload.completed:
        return None
    names_it = event.data.event_type in (EventType.CREATED, EventType.COMPLETED)
    return event.data.payload.completed_at or (event.data.timestamp if names_it else None)


def _two_digits(number: int) -> int:
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return (number + unit // 2) // unit * unit


_STORED = """
SELECT user_id, hour, name, value
  FROM (SELECT user_id, hour, key AS name, value::bigint
          FROM analytics.tally, jsonb_each_text(to_jsonb(tally) - 'user_id' - 'hour')
         UNION ALL
        SELECT user_id, hour, 'took ' || milliseconds || ' ms', tasks FROM analytics.duration) AS number
 WHERE value <> 0
"""


async def stored_numbers(connection: Connection) -> Numbers:
    rows = await connection.fetch(
        f"SELECT user_id, CASE WHEN hour = '-infinity' THEN '{ALWAYS}'"
        " ELSE to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24') END AS hour, name, value"
        f" FROM ({_STORED}) AS stored"
    )
    return {(row["user_id"], row["hour"], row["name"]): row["value"] for row in rows}
