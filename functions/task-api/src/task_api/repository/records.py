"""What goes into the repository and comes out of it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from task_api.trace import Trace
from task_events import EventType


class Draft(NamedTuple):
    """A task that is to be created."""

    user_id: str
    title: str
    notes: str | None
    priority: int
    due_at: datetime | None
    completed: bool
    trace: Trace


class Stored(NamedTuple):
    """A task as clients see it: `body` is its JSON, written by PostgreSQL."""

    task_id: int
    version: int
    body: str


class Current(NamedTuple):
    """A task as the rules see it."""

    task_id: int
    version: int
    title: str
    notes: str | None
    priority: int
    due_at: datetime | None
    completed: bool
    deleted: bool
    body: str


class Change(NamedTuple):
    """The next version of a task, and what its event is called."""

    event_type: EventType
    title: str
    notes: str | None
    priority: int
    due_at: datetime | None
    completed: bool
    deleted: bool
