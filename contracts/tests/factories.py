"""Events to test with: every argument has a default, so a test names only what matters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from task_events import EventType, Task, TaskEvent, TaskEventData

EVENT_ID = UUID("0198c1f0-0000-7000-8000-000000000001")


def make_event(
    event_type: EventType = EventType.CREATED, *, user_id: str = "alice", version: int = 1, **task: Any
) -> TaskEvent:
    given: dict[str, Any] = {"task_id": 1, "title": "Buy groceries", "completed": False} | task
    data = TaskEventData(
        event_id=EVENT_ID,
        event_type=event_type,
        timestamp=datetime(2026, 2, 3, 10, tzinfo=UTC),
        user_id=user_id,
        payload=Task(**given),
    )
    return TaskEvent(data=data, version=version, traceparent=f"00-{'a' * 32}-{'b' * 16}-01")


def make_headers(**changes: str | None) -> dict[str, str]:
    """Binary-mode headers; None removes one. `_` stands for `-`."""
    given: dict[str, str | None] = {
        "ce-id": str(EVENT_ID),
        "ce-source": "/task-api",
        "ce-type": "task.created",
        "ce-specversion": "1.0",
        "content-type": "application/json",
    }
    given |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in given.items() if value is not None}


def make_structured(**changes: Any) -> bytes:
    given = {"id": "1", "source": "/s", "type": "t", "specversion": "1.0", "data": {"a": 1}} | changes
    return msgspec.json.encode({name: value for name, value in given.items() if value is not ...})
