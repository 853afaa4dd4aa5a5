"""The four things that happen to a task, as the JSON that travels.

Compatible change: same type, only additions. Incompatible change: a new type (CloudEvents primer,
"Versioning").
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec

SOURCE = "/task-api"


class EventType(enum.StrEnum):
    """The `type` attribute; Trigger filters and topics are checked against it."""

    CREATED = "task.created"
    UPDATED = "task.updated"
    COMPLETED = "task.completed"
    DELETED = "task.deleted"


EVENT_TYPES: tuple[str, ...] = tuple(EventType)

# A bigint of PostgreSQL and a long of every other language that reads the topic.
TaskId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Priority = Annotated[int, msgspec.Meta(ge=1, le=5, description="1 is the most urgent, 5 the least.")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
# A time without a zone would be counted into the wrong day.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


def _check_utc(moment: datetime | None) -> None:
    """Raise ValueError for a time whose UTC lies before year 1 or after 9999: no database takes it."""
    try:
        _ = moment and moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment} is out of range") from None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task after the change; before a delete, its last state."""

    task_id: TaskId
    title: Text
    completed: bool
    notes: str | None = None
    priority: Priority = 3
    due_at: Moment | None = None
    completed_at: Moment | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    deleted_at: Moment | None = None
    version: Version | None = None

    def __post_init__(self) -> None:
        for moment in (self.due_at, self.completed_at, self.created_at, self.updated_at, self.deleted_at):
            _check_utc(moment)


class TaskEventData(msgspec.Struct, frozen=True, kw_only=True):
    """The `data` of a task event, key for key; unknown keys are ignored on reading."""

    event_id: UUID
    event_type: EventType
    timestamp: Moment
    user_id: Text
    payload: Task

    def __post_init__(self) -> None:
        _check_utc(self.timestamp)


class TaskEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Data and what only the envelope carries: the task's version and the trace of the request."""

    data: TaskEventData
    version: Version
    traceparent: str | None = None
    tracestate: str | None = None
