"""Whether this process should get requests: the database answers, its schema is ours, nobody said stop."""

from __future__ import annotations

import asyncio

from task_api.errors import Unavailable
from task_api.repository.tasks import TaskRepository
from task_api.schema import is_current


class Readiness:
    """`stopping` is set once, when the process is told to stop."""

    def __init__(self, repository: TaskRepository, stopping: asyncio.Event) -> None:
        self._repository = repository
        self._stopping = stopping

    async def check(self) -> None:
        """Raise Unavailable with the reason."""
        if self._stopping.is_set():
            raise Unavailable("The process is stopping.")
        revision = await self._repository.revision()
        if not is_current(revision):
            raise Unavailable(f"The database is at migration {revision}; run `task-api migrate`.")
