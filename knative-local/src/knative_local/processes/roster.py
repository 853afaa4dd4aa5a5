"""Who runs, by name; on disk too, so that the next start finds what a killed one left."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

MARKER = "KNATIVE_LOCAL_DATA"


class Roster:
    """`changed` is called after every change; `data` is the folder whose processes these are."""

    def __init__(self, data: Path) -> None:
        self._file = data / "processes.json"
        self._pids: dict[str, list[int]] = {}
        self._saved = True
        self.marker = {MARKER: str(data.resolve())}
        self.changed: Callable[[], None] = lambda: None

    @property
    def pids(self) -> dict[str, list[int]]:
        return {name: list(pids) for name, pids in self._pids.items() if pids}

    def add(self, name: str, pid: int) -> None:
        self._pids.setdefault(name, []).append(pid)
        self._write()

    def remove(self, name: str, pid: int) -> None:
        self._pids[name].remove(pid)
        self._write()

    def end_left_over(self) -> None:
        """Kill what an earlier run recorded; a number that belongs to a stranger by now is left alone."""
        try:
            recorded = msgspec.json.decode(self._file.read_bytes(), type=dict[str, list[int]])
        except (OSError, msgspec.DecodeError):
            return
        for pid in [pid for pids in recorded.values() for pid in pids]:
            if self._is_ours(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _is_ours(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return all(f"{name}={value}".encode() in environment for name, value in self.marker.items())

    def save(self) -> None:
        """Write what the disk refused before, if anything."""
        if not self._saved:
            draft = self._file.with_suffix(".tmp")
            draft.write_bytes(msgspec.json.encode(self.pids))
            draft.replace(self._file)
            self.changed()
            self._saved = True

    def _write(self) -> None:
        """Whoever starts a process again after its end must be able to, with a full disk too."""
        self._saved = False
        with contextlib.suppress(OSError):
            self.save()
