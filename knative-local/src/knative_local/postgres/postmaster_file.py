"""The file ``postmaster.pid`` in a data folder: who serves it, and whether it is ready."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from knative_local.process_table import command_line, is_alive

_STATUS_LINE = 7


def is_ready(data: Path, pid: int) -> bool:
    """Whether that very process serves the folder; a killed one leaves its file, and it says ready."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"


def served_by(data: Path) -> int | None:
    """The live postmaster of this very folder; a number that another program has by now does not count."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    arguments = command_line(pid)
    return pid if str(data) in arguments and "postgres" in Path(arguments[0]).name else None


async def end_left_over(data: Path) -> None:
    """End the server that a killed launcher left: politely, then at once."""
    pid = served_by(data)
    if pid is None:
        return
    for ending, patience in ((signal.SIGINT, 3.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0)):
        try:
            os.kill(pid, ending)
        except ProcessLookupError:
            return
        deadline = asyncio.get_running_loop().time() + patience
        while asyncio.get_running_loop().time() < deadline:
            if not is_alive(pid):
                return
            await asyncio.sleep(0.02)
