"""All services: their addresses, instances and the clock that scales them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp

from knative_local.autoscaler.settings import REPORT_SECONDS, TICK_SECONDS
from knative_local.planning.plan import Plan, local
from knative_local.planning.services import ServicePlan
from knative_local.processes.logs import LogFolder
from knative_local.profile import Profile
from knative_local.serving.activator import Activator
from knative_local.serving.listener import Listener
from knative_local.serving.revision import Revision
from knative_local.supervision import reloading
from knative_local.supervision.console import Console
from knative_local.supervision.port_book import PortBook
from knative_local.supervision.programs import Programs
from knative_local.supervision.together import together

_PATIENCE = 10.0  # after which a start says what it waits for
_GRACE = 4.0  # who presses Ctrl-C waits at most that long for requests in flight


class Services:
    """Deployments among them: those scale to the number they have. `revisions` in the order of the manifests."""

    def __init__(self, plan: Plan, book: PortBook, programs: Programs, console: Console) -> None:
        self.revisions = [
            Revision(
                service,
                _url(book, service),
                programs.instance_of(service),
                console.note,
            )
            for service in plan.services
        ]
        self._book = book
        self._console = console
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, session: aiohttp.ClientSession, logs: LogFolder) -> None:
        """Return when each has its initial instances."""
        for revision in self.revisions:
            address = self._book.services.get(revision.plan.key)
            if address is not None:
                listener = Listener(Activator(revision, session).handle)
                self._listeners.append(listener)
                await listener.start(address)
            revision.start()
        self._tasks.append(asyncio.create_task(self._tick()))
        await together(self._first_ready(revision, logs) for revision in self.revisions)

    def watch(self, profile: Profile) -> None:
        """Replace the instances of a service whose source has changed."""
        watched = {
            name: [Path(profile.folder, folder) for folder in folders]
            for name, folders in profile.reload.items()
        }
        self._tasks.append(asyncio.create_task(reloading.watch(watched, self._reload)))

    async def stop(self) -> None:
        """No new requests, then those in flight, then the processes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.refuse()
        await asyncio.gather(*(revision.stop(_GRACE) for revision in self.revisions))
        await asyncio.gather(*(listener.stop(0.5) for listener in self._listeners))

    async def _first_ready(self, revision: Revision, logs: LogFolder) -> None:
        name = revision.plan.name
        waiting = asyncio.create_task(revision.initially_ready())
        try:
            while not (await asyncio.wait({waiting}, timeout=_PATIENCE))[0]:
                self._console.progress(f"{name} is not ready yet: {logs.tail(name, 1) or 'it wrote nothing'}")
            waiting.result()
        finally:
            waiting.cancel()
        self._console.progress(f"{name} ready")

    async def _tick(self) -> None:
        """Reports every second, decisions every other one, as in Knative."""
        decision_every = round(TICK_SECONDS / REPORT_SECONDS)
        beat = 0
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            beat += 1
            now = time.monotonic()
            for revision in self.revisions:
                revision.report(now)
                if beat % decision_every == 0:
                    revision.decide(now)

    def _reload(self, name: str) -> None:
        for revision in self.revisions:
            if revision.plan.name == name:
                self._console.note(f"{name} has changed and is started again")
                revision.replace_instances()


def _url(book: PortBook, service: ServicePlan) -> str | None:
    """A Deployment without a port has none."""
    port = book.ports.services.get(service.key)
    return None if port is None else local(port)
