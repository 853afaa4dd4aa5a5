"""`task-api outbox`: what waits for the broker, what is parked, and how to send it after all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg

from task_api.database import open_database
from task_api.errors import ConfigurationError
from task_api.repository.outbox import OutboxRepository

_MOST_ROWS = 1000
_COLUMNS = (
    "event_id",
    "type",
    "task_id",
    "version",
    "state",
    "attempts",
    "time",
    "next_attempt_at",
    "last_error",
)


async def show(url: str, *, parked_only: bool, output: str) -> str:
    """The oldest thousand rows."""
    async with open_database(url) as database:
        rows = await OutboxRepository(database, uuid.uuid4()).show(parked_only=parked_only, most=_MOST_ROWS)
    if output == "json":
        return json.dumps([{key: _plain(value) for key, value in row.items()} for row in rows], indent=2)
    return _table(rows) if rows else "nothing is parked" if parked_only else "nothing waits"


async def retry(url: str, event_id: str) -> str:
    """Raise ConfigurationError where no parked event has this id."""
    try:
        wanted = uuid.UUID(event_id)
    except ValueError:
        raise ConfigurationError(f"{event_id!r} is not an event id") from None
    async with open_database(url) as database:
        found = await OutboxRepository(database, wanted).unpark(wanted)
    if not found:
        raise ConfigurationError(f"no parked event has the id {event_id}")
    return f"event {event_id} will be sent again"


def _table(rows: Sequence[asyncpg.Record]) -> str:
    lines = [_COLUMNS, *([_cell(row[name]) for name in _COLUMNS] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cell(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain).removesuffix("+00:00")


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat(timespec="seconds")
    return str(value) if isinstance(value, uuid.UUID) else value
