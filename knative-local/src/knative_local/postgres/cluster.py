"""The folder of one PostgreSQL: password, data, settings."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from pathlib import Path

from knative_local.errors import StartError, UsageError
from knative_local.lifeline import tied
from knative_local.postgres import binaries
from knative_local.postgres.account import Account, needed

USER = "task"

# initdb writes them once into postgresql.conf.
INITIAL = {
    # A random password of 256 bits needs no stretching: 4096 rounds make a connection 2.7 ms instead of 2.0.
    "scram_iterations": "1",
}

# Small: the whole system shares a laptop. I/O workers, parallel query and replication are processes and
# memory that nobody uses here.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a path under a deep folder can be longer than a socket's name may be
    "shared_buffers": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "0",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "jit": "off",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

EPHEMERAL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Cluster:
    """What initdb makes, under `folder`; nothing outside of it is touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self._password = self.folder / "password"
        self._bin = binaries.folder()
        self.account: Account | None = None

    @property
    def password(self) -> str:
        return self._password.read_text().strip()

    def program(self, name: str) -> Path:
        return self._bin / name

    async def prepare(self) -> None:
        """Make the data folder unless a complete one is there, and see that the account owns it."""
        self.account = needed((self.folder, self._bin / "postgres"), os.geteuid())
        if self.data.exists():
            self._refuse_another_version()
            if self.account is not None:
                self.account.owns(self.data)
        else:
            await self._initialise()

    def _refuse_another_version(self) -> None:
        ours = self._bin.parent / "share" / "postgres.bki"
        wanted = ours.open().readline().rpartition(" ")[2].strip()
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != wanted:
            raise UsageError(
                f"{self.data} was written by PostgreSQL {found}, this one is {wanted}: start with --fresh"
            )

    async def _initialise(self) -> None:
        """Initialise beside the final place and rename: a start that was killed leaves no half cluster."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = self._new_password()
        readable = self.folder / "password.initdb"  # initdb reads it as the account
        readable.write_text(password)
        readable.chmod(0o600)
        if self.account is not None:
            self.account.owns(draft)
            os.chown(readable, self.account.uid, self.account.gid)
        try:
            await self._run_initdb(draft, readable)
        finally:
            readable.unlink()
        draft.rename(self.data)

    def _new_password(self) -> str:
        password = secrets.token_urlsafe(32)
        descriptor = os.open(self._password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
        return password

    async def _run_initdb(self, draft: Path, password_file: Path) -> None:
        arguments = ["-D", str(draft), "-U", USER, "--auth=scram-sha-256", f"--pwfile={password_file}"]
        # Builtin C.UTF-8: lower() and ILIKE know all of Unicode, and no locale must be installed.
        arguments += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        arguments += ["--no-sync", "--no-instructions"]
        for key, value in INITIAL.items():
            arguments += ["-c", f"{key}={value}"]
        process = await asyncio.create_subprocess_exec(
            self.program("initdb"),
            *arguments,
            env=self.environment,
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=tied(before=self.account.become() if self.account else None),
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise StartError(f"initdb failed: {output.decode(errors='replace').strip()[-600:]}")

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the caller's: a PGDATA or PGOPTIONS in a shell must not reach the server."""
        return {"TZ": "UTC", "LC_ALL": "C", "PATH": os.defpath}
