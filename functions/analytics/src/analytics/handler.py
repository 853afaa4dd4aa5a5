"""What the function does with one event; where it is kept is the store's business."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from analytics.event_row import EventRow
from task_events import EVENT_TYPES, Envelope, MalformedEvent, TaskEvent, task_event

# A type of tomorrow's contract: kept in the log, so that the release that knows it can count it.
FUTURE_PREFIX = "task."
# PostgreSQL writes the version into a range whose end is one above.
GREATEST_VERSION = 2**63 - 2
# Who stands for everyone in the numbers.
EVERYONE = "*"


class Store(Protocol):
    """Keeps rows by (source, id)."""

    async def record(self, row: EventRow) -> bool:
        """Return once the row is committed, whoever committed it: False for one that was there."""


class Outcome(enum.StrEnum):
    """What became of an event; each is a success to its sender."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    KEPT = "kept: its type is not counted yet"
    IGNORED = "ignored: not a task event"


Handle = Callable[[Envelope, Store], Awaitable[Outcome]]


async def handle(envelope: Envelope, store: Store) -> Outcome:
    """Raise MalformedEvent where no repetition can help; what the store raises is passed on."""
    event = task_event(envelope)
    row = _known(envelope, event) if event else _future(envelope)
    if row is None:
        return Outcome.IGNORED
    if row.version > GREATEST_VERSION:
        raise MalformedEvent(f"the version {row.version} is out of range")
    if row.user_id == EVERYONE:
        raise MalformedEvent(f"the user id {EVERYONE!r} stands for everyone")
    if not await store.record(row):
        return Outcome.DUPLICATE
    return Outcome.COUNTED if row.type in EVENT_TYPES else Outcome.KEPT


def _known(envelope: Envelope, event: TaskEvent) -> EventRow:
    return EventRow(
        source=envelope.source,
        id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        time=envelope.time or event.data.timestamp,
        user_id=event.data.user_id,
        task_id=event.data.payload.task_id,
        version=event.version,
        data=msgspec.Raw(envelope.data),
    )


def _future(envelope: Envelope) -> EventRow | None:
    """By what every task event says outside its data; without all of it there is nothing to keep it by."""
    user_id = envelope.extensions.get("userid")
    task_id = _number((envelope.subject or "").removeprefix("tasks/"))
    version = _number(envelope.extensions.get("sequence", ""))
    if not envelope.type.startswith(FUTURE_PREFIX) or not (user_id and task_id and version):
        return None
    if envelope.time is None or not envelope.data:
        return None
    return EventRow(
        source=envelope.source,
        id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        time=envelope.time,
        user_id=user_id,
        task_id=task_id,
        version=version,
        data=msgspec.Raw(envelope.data),
    )


def _number(text: str) -> int:
    """0 for what is no number a bigint holds."""
    digits = text.isascii() and text.isdigit() and len(text) <= 20
    return int(text) if digits and int(text) <= GREATEST_VERSION else 0
