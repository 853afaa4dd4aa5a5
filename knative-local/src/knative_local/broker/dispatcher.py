"""One Trigger's consumer group: reads the topic, filters, delivers, commits the finished prefix."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from knative_local.broker.backoff import Backoff, Sleep
from knative_local.broker.delivery import Courier, Poster
from knative_local.broker.errors import AbandonedError, StoreUnavailableError
from knative_local.broker.filters import matches
from knative_local.broker.log import Log, Record
from knative_local.broker.prefix import Prefix
from knative_local.contract import Trigger

SLOTS = 50
"""`max.poll.records` as Knative ships it: deliveries in flight of an unordered Trigger (there 50 to 99)."""

_BATCH = 50
_COMMIT_SECONDS = 0.1  # Knative commits every 5 s; a shorter wait means fewer duplicates after a crash
_STORE_AGAIN_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Dispatcher:
    """`resume`, then `run` in a task, then `stop`; a Trigger new to the log starts with the oldest record."""

    def __init__(self, trigger: Trigger, topic: str, log: Log, client: Poster, sleep: Sleep) -> None:
        self.trigger = trigger
        self.topic = topic
        self._log = log
        self._sleep = sleep
        self._backoff = Backoff(sleep)
        self._courier = Courier(trigger, topic, log, client, self._backoff)
        self.counts = self._courier.counts
        self._prefixes = {number: Prefix(extent.start) for number, extent in log.extents(topic).items()}
        self._stored: dict[int, int] = {}
        self._progress = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._grace: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    @property
    def committed(self) -> dict[int, int]:
        """Per partition the offset before which every event is finished."""
        return {number: prefix.next for number, prefix in self._prefixes.items()}

    async def resume(self) -> None:
        """Go on after what was committed; before `run`."""
        self._stored = dict(await self._log.committed(self.trigger.group, self.topic))
        for number, prefix in self._prefixes.items():
            prefix.next = max(prefix.next, self._stored.get(number, 0))

    async def run(self) -> None:
        """Work until `stop`; what was finished by then is committed when this returns."""
        shared = asyncio.Semaphore(SLOTS)
        async with asyncio.TaskGroup() as tasks:
            regular = [tasks.create_task(self._commit_regularly())]
            for number in self._prefixes:
                slots = asyncio.Semaphore(1) if self.trigger.ordered else shared
                regular.append(tasks.create_task(self._follow(number, slots, tasks)))
            grace = await self._grace
            for task in regular:
                task.cancel()
            await self._finish(grace)
        await self._commit()

    def stop(self, grace: float) -> None:
        """Take nothing more; deliveries get `grace` seconds, those that wait for another attempt none."""
        if not self._grace.done():
            self._grace.set_result(grace)

    async def _follow(self, number: int, slots: asyncio.Semaphore, tasks: asyncio.TaskGroup) -> None:
        prefix = self._prefixes[number]
        offset = prefix.next
        while True:
            for record in await self._read(number, offset):
                offset = record.offset + 1
                prefix.take(record.offset)
                if all(matches(each, record.event.attributes) for each in self.trigger.filters):
                    await slots.acquire()
                    delivery = tasks.create_task(self._deliver(record, slots))
                    self._deliveries.add(delivery)
                    delivery.add_done_callback(self._deliveries.discard)
                else:
                    self.counts.filtered += 1
                    self._done(record)

    async def _read(self, number: int, offset: int) -> Sequence[Record]:
        while True:
            try:
                return await self._log.read(self.topic, number, offset, _BATCH)
            except StoreUnavailableError as error:
                logger.error("trigger=%s cannot read: %s", self.trigger.group, error)
                await self._sleep(_STORE_AGAIN_SECONDS)

    async def _deliver(self, record: Record, slots: asyncio.Semaphore) -> None:
        self.counts.in_flight += 1
        try:
            await self._courier.deliver(record)
        except AbandonedError:
            logger.info("trigger=%s event=%r comes again", self.trigger.group, record.event.name)
        else:
            self._done(record)
        finally:
            self.counts.in_flight -= 1
            slots.release()

    def _done(self, record: Record) -> None:
        if self._prefixes[record.partition].finish(record.offset):
            self._progress.set()

    async def _commit_regularly(self) -> None:
        while True:
            await self._progress.wait()
            await asyncio.sleep(_COMMIT_SECONDS)
            self._progress.clear()
            await self._commit()

    async def _commit(self) -> None:
        """What cannot be stored is tried again; until then a crash would repeat events."""
        moved = {
            number: next_ for number, next_ in self.committed.items() if self._stored.get(number, 0) < next_
        }
        if not moved:
            return
        try:
            await self._log.commit(self.trigger.group, self.topic, moved)
        except StoreUnavailableError as error:
            logger.error("trigger=%s cannot commit: %s", self.trigger.group, error)
            self._progress.set()
        else:
            self._stored |= moved

    async def _finish(self, grace: float) -> None:
        self._backoff.close()
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=grace)
        for delivery in self._deliveries:
            delivery.cancel()
