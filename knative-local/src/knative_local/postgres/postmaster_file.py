"""The file ``postmaster.pid`` in a data folder: who serves it, and whether it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from knative_local.process_table import command_line, is_alive, work_in

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
    pid = _recorded(data)
    arguments = command_line(pid) if pid is not None else []
    return pid if str(data) in arguments and "postgres" in Path(arguments[0]).name else None


async def end_left_over(data: Path) -> None:
    """End the server that a killed launcher left: politely, then at once."""
    pid = served_by(data)
    if pid is not None:
        for ending, patience in ((signal.SIGINT, 3.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, ending)
            if await _within(patience, lambda: not is_alive(pid)):
                break
    await _forget_the_dead(data)


async def _forget_the_dead(data: Path) -> None:
    """PostgreSQL refuses to start while the recorded number exists, whoever has it.

    That is a stranger after a reboot, or a dead postmaster where nobody collects orphans (a container without
    init). The children of the dead one must have ended before the file may go.
    """
    recorded = _recorded(data) is not None
    if recorded and served_by(data) is None and await _within(5.0, lambda: not work_in(data)):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _recorded(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


async def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
