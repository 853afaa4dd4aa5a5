"""The relay: claims events, publishes them, and writes down what became of them."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import NamedTuple

from task_api.errors import TaskApiError
from task_api.relay.ledger import REST_SECONDS, Ledger
from task_api.relay.pace import Pace
from task_api.relay.publisher import Publisher
from task_api.repository.outbox import Claimed, OutboxRepository, Postponed

logger = logging.getLogger(__name__)

# Claimed per worker, and claimed again when half are done: enough to share statements, little enough for the lease.
_AHEAD = 8
# Only then is the outbox asked when its next event is due: under load that would be a query per event.
_QUIET_SECONDS = 0.25
_SHORTEST_SLEEP_SECONDS = 0.05
_DATABASE_AWAY_SECONDS = 1.0


class Timing(NamedTuple):
    """`timeout` must fit into what is left of `lease` when a POST starts."""

    lease: float
    timeout: float
    poll_max: float


class Relay:
    """One task claims, `concurrency` workers publish. Several relays may run against one outbox."""

    def __init__(
        self, outbox: OutboxRepository, publisher: Publisher, pace: Pace, *, concurrency: int, timing: Timing
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._pace = pace
        self._concurrency = concurrency
        self._timing = timing
        self._queue: asyncio.Queue[tuple[Claimed, float]] = asyncio.Queue()
        self._outstanding = 0  # claimed by this process and not written down yet
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._drained = False
        self._hungry = False  # more is due than there was room for
        self._rested_at = 0.0
        self._ledger = Ledger(outbox, self._written)
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """An event has been committed; told in process, it leaves within a millisecond."""
        self._wake.set()

    def start(self) -> None:
        workers = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]
        ledger = asyncio.create_task(self._ledger.run())
        self._tasks = [asyncio.create_task(self._claim_until_stopped()), ledger, *workers]

    async def stop(self, grace: float) -> None:
        """Publish what waits while the broker takes it and `grace` lasts, then give the leases back."""
        self._stop.set()
        self._wake.set()
        await asyncio.wait(self._tasks[:1], timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._outbox.release_all()
        except TaskApiError:
            logger.warning("the leases could not be given back; they end by themselves")

    async def _claim_until_stopped(self) -> None:
        while not self._drained:
            self._wake.clear()
            try:
                await self._claim()
            except TaskApiError as error:
                logger.warning("the outbox cannot be read: %s", error)
                await self._rest()
            except Exception:  # the edge of a background task: a relay that ended would strand every event
                logger.exception("the outbox cannot be read")
                await self._rest()

    async def _rest(self) -> None:
        self._drained = self._stop.is_set()
        await _wait(self._stop, _DATABASE_AWAY_SECONDS)

    async def _claim(self) -> None:
        """Claim what there is room for, and wait where nothing more is to be done."""
        if self._pace.room() == 0:
            await self._wait_for_broker()
            return
        most = 1 if self._pace.troubled else self._concurrency * _AHEAD
        self._hungry = self._outstanding > most // 2
        if self._hungry:
            await self._wake.wait()
            return
        room = most - self._outstanding
        await asyncio.sleep(self._rested_at - time.monotonic())
        rows = await self._outbox.claim(room, self._timing.lease)
        now = time.monotonic()
        start_before = now + self._timing.lease - self._timing.timeout
        self._outstanding += len(rows)
        for row in rows:
            self._queue.put_nowait((row, start_before))
        self._hungry = len(rows) == room
        self._rested_at = now if self._hungry else now + REST_SECONDS
        self._drained = self._stop.is_set() and self._outstanding == 0
        if not self._hungry and not self._drained and not await _wait(self._wake, _QUIET_SECONDS):
            await _wait(self._wake, await self._seconds_to_next())

    async def _wait_for_broker(self) -> None:
        """Commits do not shorten an outage, only its next probe does; stopping does not wait for it."""
        self._drained = self._stop.is_set() and self._outstanding == 0
        if not self._drained:
            await _wait(self._wake if self._stop.is_set() else self._stop, self._pace.remaining())

    async def _seconds_to_next(self) -> float:
        seconds = await self._outbox.seconds_to_next()
        longest = self._timing.poll_max
        return longest if seconds is None else min(longest, max(_SHORTEST_SLEEP_SECONDS, seconds))

    async def _work(self) -> None:
        while True:
            row, start_before = await self._queue.get()
            if self._pace.room() == 0 or time.monotonic() > start_before:
                # Not attempted: the broker is in trouble, or the lease might end before the answer comes.
                self._ledger.postponed(Postponed(row.task_id, row.version, 0, None, park=False))
                continue
            try:
                postponed = await self._publisher.publish(row)
            except Exception:  # the edge of a background task: the lease ends, the event is sent again
                logger.exception("event %s could not be sent", row.event_id)
                self._written(1, followed=False)
            else:
                if postponed is None:
                    self._ledger.accepted(row)
                else:
                    self._ledger.postponed(postponed)

    def _written(self, count: int, followed: bool) -> None:
        self._outstanding -= count
        has_room = self._hungry and self._outstanding <= self._concurrency * _AHEAD // 2
        if followed or has_room or self._stop.is_set():
            self._wake.set()


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Return False where nothing happened in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False
