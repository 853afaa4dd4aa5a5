"""What must be done from time to time, and tried again when the disk was full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from knative_local.processes.logs import LogFolder
from knative_local.processes.roster import Roster

_INTERVAL = 10.0


async def keep_house(
    logs: LogFolder, roster: Roster, note: Callable[[str], None], interval: float = _INTERVAL
) -> None:
    """Until cancelled: bound the logs, and write the record of processes if that failed before."""
    writable = True
    while True:
        await asyncio.sleep(interval)
        try:
            roster.save()
            logs.rotate()
        except OSError as error:
            if writable:
                note(f"the data folder cannot be written: {error.strerror}")
            writable = False
        else:
            writable = True
