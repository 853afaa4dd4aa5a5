"""What a user of the system sees: the task API, and the numbers analytics keeps."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import httpx


class TaskClient:
    """One user of the task API."""

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | bool = True) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, verify=tls)

    def create(self, title: str = "Buy groceries", **fields: Any) -> dict[str, Any]:
        return self._json(self.http.post("/v1/tasks", json={"title": title} | fields))

    def change(self, task_id: int, **fields: Any) -> dict[str, Any]:
        return self._json(self.http.patch(f"/v1/tasks/{task_id}", json=fields))

    def delete(self, task_id: int) -> None:
        self.http.delete(f"/v1/tasks/{task_id}").raise_for_status()

    def restore(self, task_id: int) -> dict[str, Any]:
        return self._json(self.http.post(f"/v1/tasks/{task_id}/restore"))

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = response.raise_for_status().json()
        return body


class Database:
    """Reads what both services stored; a connection per question, so a restart between two is no matter."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return asyncio.run(self._rows(query, arguments))

    async def _rows(self, query: str, arguments: tuple[object, ...]) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self._url())
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    def counted(self, task_id: int) -> list[tuple[int, str]]:
        """Version and type of every event of a task that analytics holds, by version."""
        query = "SELECT version, type FROM analytics.event WHERE task_id = $1 ORDER BY version"
        return [(row["version"], row["type"]) for row in self.rows(query, task_id)]

    def summary(self, user: str) -> dict[str, Any]:
        rows = self.rows("SELECT * FROM analytics.v_summary WHERE user_id = $1", user)
        return rows[0] if rows else {}

    def waiting(self) -> int:
        """Outbox rows not yet accepted by the broker, parked ones included."""
        count: int = self.rows("SELECT count(*) AS n FROM tasks.outbox")[0]["n"]
        return count

    def committed(self) -> list[tuple[int, int]]:
        """Every version of every task: they are 1..n without a gap."""
        query = "SELECT task_id, generate_series(1, version) AS version FROM tasks.task"
        return [(row["task_id"], row["version"]) for row in self.rows(query)]

    def all_counted(self) -> list[tuple[int, int]]:
        """Every row of the activity log."""
        return [
            (row["task_id"], row["version"])
            for row in self.rows("SELECT task_id, version FROM analytics.event")
        ]

    def blocked(self) -> int:
        """How many statements wait for a lock."""
        query = """
            SELECT count(*) AS n FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND datname = current_database()
        """
        count: int = self.rows(query)[0]["n"]
        return count

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody else reads or writes `table` inside."""
        loop = asyncio.new_event_loop()
        connection = loop.run_until_complete(asyncpg.connect(self._url()))
        try:
            loop.run_until_complete(connection.execute(f"BEGIN; LOCK TABLE {table}"))
            yield
        finally:
            loop.run_until_complete(connection.close())
            loop.close()
