"""``system.json``: for scripts that want to talk to the running system."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from knative_local.processes.roster import Roster


class System(msgspec.Struct, frozen=True):
    pid: int
    urls: dict[str, str]
    database_url: str | None
    pids: dict[str, list[int]]


class SystemFile:
    """Written by rename, so that a reader never sees half of it; there only while the system is up."""

    def __init__(self, path: Path, roster: Roster) -> None:
        self._path = path
        self._roster = roster
        self._urls: dict[str, str] = {}
        self._database_url: str | None = None

    def publish(self, urls: dict[str, str], database_url: str | None) -> None:
        """Write it, and again whenever a process comes or goes."""
        self._urls, self._database_url = urls, database_url
        self._roster.changed = self._write
        self._write()

    def withdraw(self) -> None:
        self._roster.changed = lambda: None
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        draft = self._path.with_suffix(".tmp")
        system = System(os.getpid(), self._urls, self._database_url, self._roster.pids)
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(system)))
        draft.chmod(0o600)  # it holds the database's password
        draft.replace(self._path)
