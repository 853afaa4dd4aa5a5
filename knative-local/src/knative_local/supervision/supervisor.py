"""Brings the whole system up, keeps it up, and takes it down in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from knative_local.errors import UsageError
from knative_local.manifests.reading import Manifests
from knative_local.planning.plan import Plan, local, make_plan
from knative_local.ports import free_port
from knative_local.processes.child import Launcher
from knative_local.processes.logs import LogFolder
from knative_local.processes.roster import Roster
from knative_local.profile import Profile
from knative_local.supervision.backbone import Backbone
from knative_local.supervision.console import Console
from knative_local.supervision.data_folder import DataFolder
from knative_local.supervision.database import Database, Embedded, External
from knative_local.supervision.housekeeping import keep_house
from knative_local.supervision.options import Options
from knative_local.supervision.port_book import PortBook
from knative_local.supervision.programs import Programs
from knative_local.supervision.system_file import SystemFile

if TYPE_CHECKING:
    from knative_local.supervision.front import Front

# Database, broker and companions already work in the 0.2 s that this process needs to import aiohttp.
_HEAD_START = 0.02


async def run(
    options: Options, profile: Profile, manifests: Manifests, console: Console, stop: asyncio.Event
) -> None:
    """Until `stop`; whatever had started by then, or by a failure, is down again afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        folder = DataFolder(options.data)
        folder.take()
        stack.callback(folder.release)
        roster = Roster(folder.path)
        roster.end_left_over()
        if options.fresh:
            folder.empty()
        book = PortBook(manifests, profile, options.first_port)
        stack.callback(book.close)
        plan = make_plan(manifests, profile, book.ports)
        supervisor = _Supervisor(options, profile, plan, book, folder, roster, console)
        house = asyncio.create_task(keep_house(LogFolder(folder.logs), roster, console.note))
        stack.callback(house.cancel)
        starting = asyncio.create_task(supervisor.start(stack))
        asked = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await asked
            console.note("stopping")
        finally:
            asked.cancel()
            starting.cancel()
            await asyncio.gather(starting, asked, return_exceptions=True)


class _Supervisor:
    def __init__(
        self,
        options: Options,
        profile: Profile,
        plan: Plan,
        book: PortBook,
        folder: DataFolder,
        roster: Roster,
        console: Console,
    ) -> None:
        self._options = options
        self._profile = profile
        self._plan = plan
        self._book = book
        self._folder = folder
        self._roster = roster
        self._console = console
        self._database = self._choose_database()
        self._programs = Programs(Launcher(LogFolder(folder.logs), roster), self._values(), folder.volumes)

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Return when all is ready and said so; `stack` takes down what has come up."""
        backbone = Backbone(self._folder, self._programs, self._book.ports, self._database, self._console)
        stack.push_async_callback(backbone.stop)
        standing = asyncio.create_task(backbone.start(self._plan))
        try:
            await asyncio.sleep(_HEAD_START)
            front = await self._open_front(stack)
            await standing
        finally:
            standing.cancel()
            await asyncio.gather(standing, return_exceptions=True)
        await front.start_services(self._folder.logs)
        if self._options.reload:
            front.watch(self._profile)
        system = SystemFile(self._folder.system, self._roster)
        stack.callback(system.withdraw)
        urls = self._urls()
        system.publish(urls, self._database.url if self._database else None)
        self._console.ready(urls, self._folder.logs, await front.hints(self._profile, urls))

    async def _open_front(self, stack: contextlib.AsyncExitStack) -> Front:
        from knative_local.supervision.front import Front  # noqa: PLC0415 - see _HEAD_START

        front = Front(self._plan, self._book, self._programs, self._console)
        await stack.enter_async_context(front.running(self._folder.store, self._roster))
        return front

    def _choose_database(self) -> Database | None:
        options = self._options
        if options.database_url is not None:
            return External(options.database_url, options.database_direct_url or options.database_url)
        if self._profile.postgres is None:
            return None
        name = self._profile.postgres.database
        return Embedded(self._folder, name, self._book.postgres, self._roster, self._console.note)

    def _values(self) -> dict[str, Callable[[], str]]:
        """What the profile's templates may ask for; asked when a process starts."""
        database = self._database

        def url() -> str:
            if database is None:
                raise UsageError("{postgres.url} needs a [postgres] table in the profile, or DATABASE_URL")
            return database.url

        return {
            "free_port": lambda: str(free_port()),
            "postgres.url": url,
            "postgres.direct-url": lambda: database.direct_url if database else url(),
        }

    def _urls(self) -> dict[str, str]:
        """Public services under their names, the Broker with its full path, companions, and the status."""
        ports = self._book.ports
        urls = {
            self._plan.names.get(service.key, service.name): local(ports.services[service.key])
            for service in self._plan.services
            if service.public
        }
        for index, broker in enumerate(self._plan.contract.brokers):
            name = "broker" if index == 0 else f"broker/{broker.namespace}/{broker.name}"
            urls[name] = f"{local(ports.broker)}/{broker.namespace}/{broker.name}"
        for key, companion in self._plan.companions.items():
            urls[companion.url_name or key] = local(ports.companions[key])
        return urls | {"status": local(ports.status)}
