"""Task events to test with: every argument has a default, so a test names only what matters."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime

import msgspec

from analytics.event_row import EventRow
from analytics.handler import handle
from task_events import SOURCE, Envelope, EventType, HttpMessage, Task, TaskEvent, TaskEventData, to_binary

NOON = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"

_ids = itertools.count(1)


def make_event(
    event_type: EventType = EventType.CREATED,
    *,
    task_id: int = 1,
    version: int = 1,
    user_id: str = "alice",
    time: datetime = NOON,
    completed: bool = False,
    created_at: datetime | None = None,
    completed_at: datetime | None = None,
) -> TaskEvent:
    """Each call is another event with an id of its own."""
    task = Task(
        task_id=task_id,
        title="Buy groceries",
        completed=completed,
        created_at=created_at,
        completed_at=completed_at,
    )
    data = TaskEventData(
        event_id=uuid.UUID(int=next(_ids)),
        event_type=event_type,
        timestamp=time,
        user_id=user_id,
        payload=task,
    )
    return TaskEvent(data=data, version=version, traceparent=f"00-{TRACE_ID}-b7ad6b7169203331-01")


def make_message(event: TaskEvent | None = None, /, **changes: str | None) -> HttpMessage:
    """Binary mode; `ce_id="x"` sets a header, None removes one."""
    message = to_binary(event or make_event())
    headers: dict[str, str | None] = {**message.headers}
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return HttpMessage({name: value for name, value in headers.items() if value is not None}, message.body)


def make_envelope(event: TaskEvent | None = None, /, **changes: object) -> Envelope:
    event = event or make_event()
    envelope = Envelope(
        id=str(event.data.event_id),
        source=SOURCE,
        type=event.data.event_type,
        subject=f"tasks/{event.data.payload.task_id}",
        time=event.data.timestamp,
        extensions={"sequence": f"{event.version:020d}", "userid": event.data.user_id},
        data=msgspec.json.encode(event.data),
    )
    return msgspec.structs.replace(envelope, **changes)


class Memory:
    """A store that remembers, as the real one does."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], EventRow] = {}

    async def record(self, row: EventRow) -> bool:
        fresh = (row.source, row.id) not in self.kept
        self.kept[row.source, row.id] = row
        return fresh


async def make_row(event: TaskEvent | None = None, /, **changes: object) -> EventRow:
    """The row the handler makes of it."""
    memory = Memory()
    await handle(make_envelope(event, **changes), memory)
    (row,) = memory.kept.values()
    return row
