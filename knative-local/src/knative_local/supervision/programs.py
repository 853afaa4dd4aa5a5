"""Starts the programs of the plan: services, Jobs, companions, the broker."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from knative_local import process_environment
from knative_local.errors import StartError
from knative_local.placeholders import Template
from knative_local.planning.jobs import JobPlan
from knative_local.planning.probes import ProbePlan
from knative_local.planning.programs import Program, find
from knative_local.planning.services import ServicePlan
from knative_local.ports import LOOPBACK, free_port
from knative_local.processes.child import Child, Launcher
from knative_local.profile import Companion
from knative_local.serving import probing

_READY_SECONDS = 30.0


class Programs:
    """`values` are what the profile's templates may ask for; folders of containers are made in `volumes`."""

    def __init__(self, launcher: Launcher, values: Mapping[str, Callable[[], str]], volumes: Path) -> None:
        self._launcher = launcher
        self._values = values
        self._volumes = volumes

    def instance_of(self, plan: ServicePlan) -> Callable[[], Awaitable[tuple[Child, int]]]:
        """What starts one process of the service; it says on which port."""

        async def launch() -> tuple[Child, int]:
            port = free_port()
            return await self._start(plan.program, {"PORT": str(port), **dict(plan.told)}), port

        return launch

    async def run_job(self, plan: JobPlan) -> None:
        """StartError with the end of its log when it fails or takes too long."""
        name = plan.program.name
        child = await self._start(plan.program, {})
        try:
            code = await asyncio.wait_for(child.wait(), plan.deadline_seconds)
        except TimeoutError:
            raise StartError(f"Job {name} took longer than {plan.deadline_seconds:.0f} s") from None
        finally:
            await child.end(2.0)
        if code != 0:
            tail = self._launcher.logs.tail(name) or "it wrote nothing"
            raise StartError(f"Job {name} failed with code {code}: {tail}")

    async def start_broker(self, contract: Path, data: Path, port: int) -> Child:
        command = [sys.executable, "-m", "knative_local", "broker", "--contract", str(contract)]
        command += ["--data", str(data), "--host", LOOPBACK, "--port", str(port)]
        return await self._launcher.start("broker", command, process_environment.base())

    async def start_companion(self, name: str, companion: Companion, data: Path, port: int) -> Child:
        values = {"port": lambda: str(port), "data": lambda: str(data)}
        command = [Template(argument).fill(values) for argument in companion.command]
        executable = find(command[0])
        if executable is None:
            raise StartError(f"companion {name}: there is no program '{command[0]}'")
        return await self._launcher.start(name, [executable, *command[1:]], process_environment.base())

    async def ready(self, child: Child, port: int, path: str | None) -> None:
        """Wait until it answers; StartError with the end of its log if it ends or takes too long."""
        answering = asyncio.create_task(probing.first_success(ProbePlan(path=path), port))
        ended = asyncio.create_task(child.wait())
        started = time.monotonic()
        try:
            await asyncio.wait(
                {answering, ended}, timeout=_READY_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if answering.done():
                return
            what = "ended" if ended.done() else f"did not answer in {time.monotonic() - started:.0f} s"
            raise StartError(f"{child.name} {what}: {self._launcher.logs.tail(child.name)}")
        finally:
            answering.cancel()
            ended.cancel()

    async def _start(self, program: Program, told: dict[str, str]) -> Child:
        environment = process_environment.base() | process_environment.complete(
            program.environment, self._values
        )
        environment |= told
        command = [process_environment.expand(part, environment) for part in program.command]
        for path, name in program.folders:
            folder = self._volumes / name
            _make(folder)
            command = [process_environment.moved(part, path, folder) for part in command]
            environment |= {
                key: process_environment.moved(value, path, folder)
                for key, value in environment.items()
                if key in dict(program.environment)
            }
        return await self._launcher.start(program.name, command, environment)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{folder} cannot be made: {error.strerror}") from None
