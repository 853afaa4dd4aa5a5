"""What stands in the database, read by a connection of the test's own."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg


def rows(url: str, statement: str, *arguments: object) -> list[dict[str, Any]]:
    async def fetch() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def events(url: str, task_id: int) -> list[tuple[int, str]]:
    """Version and type of each event that waits for the broker."""
    found = rows(url, "SELECT version, type FROM tasks.outbox WHERE task_id = $1 ORDER BY version", task_id)
    return [(row["version"], row["type"]) for row in found]


def tasks_of(url: str, user_id: str) -> list[dict[str, Any]]:
    return rows(url, "SELECT * FROM tasks.task WHERE user_id = $1", user_id)
