"""Concurrent deliveries share a transaction, and nobody waits for company."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from analytics.errors import DatabaseAway
from analytics.event_row import EventRow

Key = tuple[str, str]
Write = Callable[[Sequence[EventRow]], Awaitable[set[Key]]]
_Waiting = tuple[EventRow, "asyncio.Future[bool]"]

# A second transaction is prepared while the first waits for its commit; a third would only wait for both.
IN_FLIGHT = 2
# The dispatcher has at most 98 deliveries in flight per Trigger (measured); beyond this somebody else sends.
MOST_WAITING = 1000
MOST_ROWS = 200
MOST_BYTES = 4 * 2**20


class Batcher:
    """Natural batching: what arrives while transactions are in flight shares the next one. No timer.

    Made inside a running loop, and kept: asking for the loop is a system call (getpid) on Python 3.11.
    """

    def __init__(self, write: Write) -> None:
        self._loop = asyncio.get_running_loop()
        self._write = write
        self._waiting: deque[_Waiting] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def record(self, row: EventRow) -> bool:
        """Return after the commit: True for the one delivery that made the event count."""
        if len(self._waiting) >= MOST_WAITING:
            raise DatabaseAway("More events are waiting for the database than it keeps up with.")
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiting.append((row, future))
        if len(self._writers) < IN_FLIGHT:
            writer = asyncio.create_task(self._write_all())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await future

    async def drain(self) -> None:
        """Wait for what was accepted."""
        while self._writers:
            await asyncio.wait(self._writers)

    async def _write_all(self) -> None:
        while self._waiting:
            await self._write_batch(self._take())

    def _take(self) -> list[_Waiting]:
        batch = [self._waiting.popleft()]
        size = len(batch[0][0].data)
        while self._waiting and len(batch) < MOST_ROWS and size < MOST_BYTES:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0].data)
        return batch

    async def _write_batch(self, batch: list[_Waiting]) -> None:
        try:
            fresh = await self._write([row for row, _ in batch])
        except DatabaseAway as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, each delivery must get its own answer
            if len(batch) == 1:
                _fail(batch, error)
            else:
                await self._write_one_by_one(batch)
        else:
            _answer(batch, fresh)

    async def _write_one_by_one(self, batch: list[_Waiting]) -> None:
        """One bad row fails only its own delivery."""
        for number, one in enumerate(batch):
            try:
                _answer([one], await self._write([one[0]]))
            except DatabaseAway as error:
                _fail(batch[number:], error)
                return
            except Exception as error:  # noqa: BLE001 - as above
                _fail([one], error)


def _answer(batch: list[_Waiting], fresh: set[Key]) -> None:
    for row, future in batch:
        key = (row.source, row.id)
        if not future.done():
            future.set_result(key in fresh)
        fresh.discard(key)  # the same event twice in one batch is new once


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
