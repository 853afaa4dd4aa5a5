"""What the system knows about processes that are not our children."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return not Path("/proc/self").exists()


def work_in(folder: Path) -> bool:
    """Whether any process has the folder as its working directory, as far as this user may know."""
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == folder:
                return True
        except OSError:
            continue
    return False


def command_line(pid: int) -> list[str]:
    """The arguments of a process, empty when there is none."""
    entry = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return entry.read_bytes().decode(errors="replace").split("\0")[:-1]
        except OSError:
            return []
    listing = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout.split()
