"""The database of the services: the embedded one, or the one DATABASE_URL names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from knative_local.postgres.server import Server
from knative_local.processes.keeper import keep
from knative_local.processes.logs import LogFolder
from knative_local.processes.roster import Roster
from knative_local.supervision.data_folder import DataFolder

NAME = "postgres"


class Database(Protocol):
    """`direct_url` is for migrations: a pooler may stand before `url`."""

    url: str
    direct_url: str

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass
class External:
    """Somebody else's: neither started nor stopped, and no database is created in it."""

    url: str
    direct_url: str

    async def start(self) -> None:
        """It runs already; the migration Jobs say so if not."""

    async def stop(self) -> None:
        """It stays."""


class Embedded:
    """Our own, kept running on one port."""

    def __init__(
        self, folder: DataFolder, name: str, port: int | None, roster: Roster, note: Callable[[str], None]
    ) -> None:
        self._server = Server(folder.postgres, LogFolder(folder.logs).path(NAME), port=port)
        self._name = name
        self._roster = roster
        self._note = note
        self._keeper: asyncio.Task[None] | None = None
        self.url = self.direct_url = ""

    async def start(self) -> None:
        await self._server.start()
        self.url = self.direct_url = self._server.url(self._name)
        first = self._recorded()
        self._keeper = asyncio.create_task(keep(NAME, first, self._restarted, self._note))
        await self._server.create_database(self._name)

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._server.stop()

    async def _restarted(self) -> _Recorded:
        await self._server.launch()
        return self._recorded()

    def _recorded(self) -> _Recorded:
        assert self._server.pid is not None
        return _Recorded(self._server, self._server.pid, self._roster)


class _Recorded:
    """The server process as the roster and the keeper see it."""

    def __init__(self, server: Server, pid: int, roster: Roster) -> None:
        self._server = server
        self._pid = pid
        self._roster = roster
        roster.add(NAME, pid)

    async def wait(self) -> int:
        try:
            return await self._server.wait()
        finally:
            self._roster.remove(NAME, self._pid)
