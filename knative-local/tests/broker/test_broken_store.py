"""The dispatcher when its log refuses for a while: nothing is lost, nothing is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from knative_local.broker.answers import Accepted, Failed
from knative_local.broker.dispatcher import Dispatcher
from knative_local.broker.errors import StoreUnavailableError
from knative_local.broker.event import Event
from knative_local.broker.log import Extent, Position, Record

from .subscriber import DEADLINE_SECONDS
from .system import TOPIC, Naps, trigger

EVENT = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})
REPLY = Event({"specversion": "1.0", "id": "2", "source": "/s", "type": "reply"})


class BrokenLog:
    """One partition in memory whose methods fail as often as a test says; it is a `Log`."""

    def __init__(self, *, appends: int = 0, reads: int = 0, commits: int = 0) -> None:
        self.events = [EVENT]
        self.offset = 0
        self.changed = asyncio.Condition()
        self._failures = {"append": appends, "read": reads, "commit": commits}

    async def until_committed(self, offset: int) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS), self.changed:
            await self.changed.wait_for(lambda: self.offset == offset)

    async def append(self, topic: str, event: Event) -> Position:
        self._fail("append")
        async with self.changed:
            self.events.append(event)
            self.changed.notify_all()
        return Position(0, len(self.events) - 1)

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        self._fail("read")
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.events) > offset)
        return [Record(0, number, event) for number, event in enumerate(self.events)][offset:][:limit]

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        return {}

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        self._fail("commit")
        async with self.changed:
            self.offset = offsets[0]
            self.changed.notify_all()

    def extents(self, topic: str) -> Mapping[int, Extent]:
        return {0: Extent(0, len(self.events))}

    def _fail(self, method: str) -> None:
        if self._failures[method]:
            self._failures[method] -= 1
            raise StoreUnavailableError("the disk is full")


class Function:
    """Replies to the first event."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def post(self, url: str, event: Event, namespace: str, seconds: float) -> Accepted | Failed:
        self.seen.append(event.attributes["id"])
        return Accepted(REPLY if event.attributes["id"] == "1" else None)


async def test_a_log_that_refuses_for_a_while_costs_no_event_no_reply_and_no_commit() -> None:
    log = BrokenLog(appends=2, reads=2, commits=2)
    function = Function()
    naps = Naps()
    dispatcher = Dispatcher(trigger("http://function/"), TOPIC, log, function, naps)
    running = asyncio.create_task(dispatcher.run())
    await log.until_committed(2)
    dispatcher.stop(1)
    await running
    assert function.seen == ["1", "2"]
    assert (dispatcher.counts.delivered, dispatcher.counts.replied) == (2, 1)
    assert naps.seconds == [1.0] * 4  # two reads and two appends were tried again


async def test_a_request_whose_reply_is_not_stored_yet_is_not_finished() -> None:
    log = BrokenLog(appends=1)
    dispatcher = Dispatcher(trigger("http://function/"), TOPIC, log, Function(), asyncio.sleep)
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not dispatcher.counts.delivered:
            await asyncio.sleep(0)
    dispatcher.stop(1)
    await running
    assert dispatcher.committed == {0: 0}
    assert log.offset == 0
