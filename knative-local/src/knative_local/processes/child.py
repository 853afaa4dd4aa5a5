"""One process of ours, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knative_local.errors import StartError
from knative_local.lifeline import tied
from knative_local.processes.logs import LogFolder
from knative_local.processes.roster import Roster


class Child:
    """Leads a session of its own: Ctrl-C in a terminal is for us to handle, in our order."""

    def __init__(self, name: str, process: Process, logs: LogFolder, roster: Roster) -> None:
        self.name = name
        self._logs = logs
        self._process = process
        self._roster = roster
        self._ended = asyncio.create_task(self._watch())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def last_words(self) -> str:
        """The last line of its log: usually the reason."""
        return self._logs.tail(self.name, 1)

    async def end(self, grace: float) -> None:
        """Ask it to stop; kill it and everything it started when `grace` seconds were not enough."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                # Popen's own terminate() would collect the exit code that asyncio waits for.
                os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace)
        self._kill_group()
        await self.wait()

    async def _watch(self) -> int:
        code = await self._process.wait()
        self._kill_group()  # whatever it left behind
        self._roster.remove(self.name, self.pid)
        return code

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Launcher:
    """Starts processes that are recorded, logged, and dead as soon as this one is."""

    logs: LogFolder
    roster: Roster

    async def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Output goes into the log of `name`; StartError when the program cannot be run at all."""
        try:
            with self.logs.open(name) as log:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    env={**environment, **self.roster.marker},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=tied(),
                )
        except OSError as error:
            raise StartError(f"{name}: {command[0]}: {error.strerror}") from None
        self.roster.add(name, process.pid)
        return Child(name, process, self.logs, self.roster)
