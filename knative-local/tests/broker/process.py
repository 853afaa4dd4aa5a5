"""The broker as its own process, which a test may kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from knative_local.contract import Contract, write

from .subscriber import DEADLINE_SECONDS
from .system import System, binary

SCRIPT = Path(sys.executable).with_name("knative-local")


@dataclass
class Process(System):
    """`acknowledged` are the ids that were answered 202."""

    process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def end(self, number: signal.Signals) -> int:
        """Send the signal; the exit code (negative: the signal that ended it)."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.process.wait()

    async def pour(self, ids: Sequence[int], acknowledged: list[int], at_once: int = 20) -> None:
        """Post events at full speed until all are sent or nobody answers any more."""
        left = iter(ids)

        async def send() -> None:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                for each in left:
                    status, _ = await self.post(binary(id=str(each), partitionkey=str(each % 7)), b"x" * 300)
                    if status == 202:
                        acknowledged.append(each)

        await asyncio.gather(*(send() for _ in range(at_once)))


async def spawn(folder: Path, data: Path, contract: Contract) -> asyncio.subprocess.Process:
    write(contract, folder / "contract.json")
    return await asyncio.create_subprocess_exec(
        *(SCRIPT, "broker", "--contract", folder / "contract.json", "--data", data, "--port", "0"),
        stderr=asyncio.subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def process(folder: Path, contract: Contract) -> AsyncIterator[Process]:
    """Its log is in `folder`/data; it is killed on leaving, if it still lives."""
    data = folder / "data"
    child = await spawn(folder, data, contract)
    assert child.stderr is not None
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = await child.stderr.readuntil(b"url=")
            line = await child.stderr.readline()
        drain = asyncio.create_task(child.stderr.read())
        async with aiohttp.ClientSession() as session:
            yield Process(line.decode().strip(), data, session, process=child)
        drain.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
