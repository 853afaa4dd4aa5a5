"""Everything that answers requests: the services' addresses and the status server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp

from knative_local.planning.plan import Plan, local
from knative_local.processes.logs import LogFolder
from knative_local.processes.roster import Roster
from knative_local.profile import Profile
from knative_local.serving.forwarding import new_session
from knative_local.serving.listener import Listener
from knative_local.status.server import StatusServer
from knative_local.status.snapshot import Snapshot, take
from knative_local.supervision import hints
from knative_local.supervision.console import Console
from knative_local.supervision.port_book import PortBook
from knative_local.supervision.programs import Programs
from knative_local.supervision.services import Services


class Front:
    """Use it inside of `running`."""

    def __init__(self, plan: Plan, book: PortBook, programs: Programs, console: Console) -> None:
        self._plan = plan
        self._book = book
        self._services = Services(plan, book, programs, console)
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def running(self, store: Path, roster: Roster) -> AsyncIterator[None]:
        """The status server answers from the beginning; on leaving the services end first."""
        async with new_session() as session:
            self._session = session
            status = Listener(StatusServer(lambda: self._snapshot(store, roster), store).handle)
            await status.start(self._book.status)
            try:
                yield
            finally:
                await self._services.stop()
                await status.stop(0.5)

    async def start_services(self, logs: Path) -> None:
        """Return when each has its initial instances."""
        assert self._session is not None
        await self._services.start(self._session, LogFolder(logs))

    def watch(self, profile: Profile) -> None:
        self._services.watch(profile)

    async def hints(self, profile: Profile, urls: Mapping[str, str]) -> list[str]:
        assert self._session is not None
        return await hints.complete(profile.hints, urls, self._session)

    async def _snapshot(self, store: Path, roster: Roster) -> Snapshot:
        assert self._session is not None
        broker = local(self._book.ports.broker)
        return await take(
            self._services.revisions, self._plan.contract, self._session, broker, store, roster.pids
        )
