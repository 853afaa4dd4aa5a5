"""One service behind its activator, in this process, with real instances."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp

from knative_local.autoscaler.settings import Scaling
from knative_local.planning.probes import ProbePlan
from knative_local.planning.programs import Program
from knative_local.planning.services import ServicePlan, told_by_knative
from knative_local.ports import bind
from knative_local.processes.child import Launcher
from knative_local.processes.logs import LogFolder
from knative_local.processes.roster import Roster
from knative_local.serving.activator import Activator
from knative_local.serving.forwarding import new_session
from knative_local.serving.listener import Listener
from knative_local.serving.revision import Revision
from knative_local.supervision.programs import Programs

SCRIPT = Path(__file__).with_name("service.py")
SECONDS = 30.0


@dataclasses.dataclass
class Laptop:
    """`folder` is shared with the instances: files in it steer them and tell of them."""

    folder: Path
    url: str
    revision: Revision
    client: aiohttp.ClientSession
    notes: list[str]

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def count(self, pattern: str) -> int:
        return len(list(self.folder.glob(pattern)))

    @property
    def pids(self) -> list[int]:
        return [instance.pid for instance in self.revision.instances if instance.pid]


def plan(folder: Path, **changes: object) -> ServicePlan:
    program = Program("hello", (sys.executable, "-S", str(SCRIPT)), (("FOLDER", str(folder)),))
    complete = ServicePlan(
        namespace="test",
        name="hello",
        public=True,
        program=program,
        scaling=Scaling(stable_window=6),
        concurrency=0,
        timeout_seconds=20,
        response_start_seconds=0,
        idle_seconds=0,
        held_seconds=20.0,
        grace_seconds=20.0,
        startup=None,
        readiness=ProbePlan(path="/ready", period=0.1),
        liveness=None,
        told=told_by_knative("hello"),
    )
    return dataclasses.replace(complete, **changes)  # type: ignore[arg-type]  # a test names the fields


@contextlib.asynccontextmanager
async def running(folder: Path, *, ready: bool = True, **changes: object) -> AsyncIterator[Laptop]:
    """`changes` are fields of the plan; without `ready` nobody waits for the initial instances."""
    notes: list[str] = []
    shared = folder / "shared"
    shared.mkdir(exist_ok=True)
    wanted = plan(shared, **changes)
    programs = Programs(Launcher(LogFolder(folder / "logs"), Roster(folder)), {}, folder / "volumes")
    async with new_session() as session, aiohttp.ClientSession() as client:
        revision = Revision(wanted, "", programs.instance_of(wanted), notes.append)
        listener, address = Listener(Activator(revision, session).handle), bind(0)
        await listener.start(address)
        url = f"http://127.0.0.1:{address.getsockname()[1]}"
        revision.start()
        try:
            if ready:
                await asyncio.wait_for(revision.initially_ready(), SECONDS)
            yield Laptop(shared, url, revision, client, notes)
        finally:
            (shared / "go").touch()
            await revision.stop(5.0)
            await listener.stop(0.5)


async def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
