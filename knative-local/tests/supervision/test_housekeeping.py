from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from knative_local.processes.logs import LogFolder
from knative_local.processes.roster import Roster
from knative_local.supervision.housekeeping import keep_house


async def test_an_outage_of_the_disk_is_said_once_and_its_end_is_noticed(tmp_path: Path) -> None:
    obstacle = tmp_path / "processes.tmp"
    obstacle.mkdir()
    roster, notes = Roster(tmp_path), list[str]()
    roster.add("api", 7)
    house = asyncio.create_task(keep_house(LogFolder(tmp_path / "logs"), roster, notes.append, interval=0.01))
    try:
        await until(lambda: bool(notes))
        await asyncio.sleep(0.05)
        obstacle.rmdir()
        await until((tmp_path / "processes.json").exists)
    finally:
        house.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await house

    assert notes == ["the data folder cannot be written: Is a directory"]


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)
