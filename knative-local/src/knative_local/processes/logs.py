"""One log file per name: appended to, and bounded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

LARGEST = 10 * 1024 * 1024


class LogFolder:
    """Processes write into the files themselves, so they need nobody who reads along."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def open(self, name: str) -> IO[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.path(name).open("ab")

    def tail(self, name: str, lines: int = 5) -> str:
        """The last lines as one, for a sentence that says why something failed."""
        try:
            with self.path(name).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - 4096))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return " / ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())

    def rotate(self, largest: int = LARGEST) -> None:
        """Move what is too long to ``NAME.log.1``. The file stays the same one: its writers append to it."""
        for path in self.folder.glob("*.log"):
            if path.stat().st_size > largest:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                with path.open("r+b") as file:
                    file.truncate(0)
