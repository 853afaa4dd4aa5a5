"""The one folder in which everything lives."""

from __future__ import annotations

import shutil
from pathlib import Path

from knative_local.broker.schema import FILE
from knative_local.errors import UsageError
from knative_local.folder_lock import FolderLock

_LOCK = "knative-local.lock"


class DataFolder:
    """Ours alone between `take` and `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.broker = self.path / "broker"
        self.store = self.broker / FILE
        self.postgres = self.path / "postgres"
        self.volumes = self.path / "volumes"
        self.contract = self.path / "contract.json"
        self.system = self.path / "system.json"
        self._lock = FolderLock(self.path / _LOCK)

    def companion(self, name: str) -> Path:
        return self.path / "companions" / name

    def take(self) -> None:
        """Create it if needed; UsageError when it is in use or somebody else's."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self._is_ours():
                raise UsageError(f"{self.path} is neither empty nor a folder of knative-local")
            self._lock.take()
        except OSError as error:
            raise UsageError(f"{self.path} cannot be used: {error.strerror}") from None
        self.system.unlink(missing_ok=True)  # of a run that was killed

    def empty(self) -> None:
        """Delete what earlier runs left; the lock stays, it is held."""
        for entry in self.path.iterdir():
            if entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def release(self) -> None:
        self.system.unlink(missing_ok=True)
        self._lock.release()

    def _is_ours(self) -> bool:
        entries = {entry.name for entry in self.path.iterdir()}
        return not entries or _LOCK in entries
