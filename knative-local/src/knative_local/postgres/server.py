"""One running PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from asyncio.subprocess import Process
from pathlib import Path
from typing import IO

from knative_local.errors import StartError
from knative_local.folder_lock import FolderLock
from knative_local.lifeline import tied
from knative_local.ports import LOOPBACK, free_port
from knative_local.postgres import postmaster_file
from knative_local.postgres.cluster import EPHEMERAL, SETTINGS, USER, Cluster

START_DEADLINE = 60.0  # replaying a log after a crash takes its time
_ATTEMPTS = 5


class Server:
    """Starts, restarts and stops the PostgreSQL of one folder on one port."""

    def __init__(self, folder: Path, log: Path, *, ephemeral: bool = False, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(folder / "lock")
        self._cluster = Cluster(folder)
        self._log = log
        self._ephemeral = ephemeral
        self._process: Process | None = None
        self._port = port

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{self._cluster.password}@{LOOPBACK}:{self._port}/{database}"

    async def start(self) -> None:
        """Return as soon as it takes connections."""
        self._lock.take()
        await postmaster_file.end_left_over(self._cluster.data)
        await self._cluster.prepare()
        await self.launch()

    async def launch(self) -> None:
        """Start the server process; a restart keeps the port, because clients hold it."""
        fixed = self._port
        for attempt in range(_ATTEMPTS):
            self._port = fixed or free_port()
            if await self._came_up():
                return
            # Another program took the port, or processes of a killed server still end.
            await asyncio.sleep(0.1 * 2**attempt)
        raise StartError(f"PostgreSQL did not start: {_tail(self._log)}")

    async def _came_up(self) -> bool:
        with self._log.open("ab") as log:
            process = self._process = await self._execute(log)
        deadline = asyncio.get_running_loop().time() + START_DEADLINE
        while process.returncode is None:
            if postmaster_file.is_ready(self._cluster.data, process.pid):
                return True
            if asyncio.get_running_loop().time() > deadline:
                await self.stop()
                raise StartError(f"PostgreSQL was not ready after {START_DEADLINE:.0f} s: {_tail(self._log)}")
            await asyncio.sleep(0.01)
        return False

    async def _execute(self, log: IO[bytes]) -> Process:
        settings = SETTINGS | (EPHEMERAL if self._ephemeral else {})
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        account = self._cluster.account
        return await asyncio.create_subprocess_exec(
            self._cluster.program("postgres"),
            "-D",
            self._cluster.data,
            "-p",
            str(self._port),
            *options,
            env=self._cluster.environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in a terminal is for us to handle, in our order
            preexec_fn=tied(signal.SIGINT, account.become() if account else None),
        )

    async def wait(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    async def create_database(self, name: str) -> None:
        """Create the database unless it is there."""
        process = await asyncio.create_subprocess_exec(
            self._cluster.program("createdb"),
            "--maintenance-db",
            self.url(),
            name,
            env=self._cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=tied(),
        )
        _, error = await process.communicate()
        if process.returncode != 0 and b"already exists" not in error:
            raise StartError(f"the database {name} could not be created: {error.decode().strip()}")

    async def stop(self) -> None:
        """Fast shutdown: clients are disconnected, the data is complete on disk."""
        process = self._process
        if process is not None:
            for ending, patience in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0)):
                if process.returncode is not None:
                    break
                with contextlib.suppress(ProcessLookupError):
                    # Popen's own would collect the exit code that asyncio waits for.
                    os.kill(process.pid, ending)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), patience)
        self._lock.release()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return " / ".join(lines[-3:]) or "it wrote nothing"
