from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from knative_local.broker.answers import Accepted, Failed
from knative_local.broker.dispatcher import Dispatcher
from knative_local.broker.event import Event
from knative_local.broker.log import Extent
from knative_local.broker.retention import SINK_SECONDS, keep_trimming, trim
from knative_local.broker.store import SqliteLog
from knative_local.contract import Broker, Contract, Sink

from .system import DEAD_LETTERS, TOPIC, contract, trigger

EVENT = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})


class Nobody:
    async def post(self, url: str, event: Event, namespace: str, seconds: float) -> Accepted | Failed:
        raise AssertionError(url)


class Shelf:
    """A log with a clock of its own, and Triggers that stand where a test puts them."""

    def __init__(self, folder: Path, *topics: str) -> None:
        self.seconds = 1_000_000.0
        self.log = SqliteLog(folder, dict.fromkeys(topics, 1), lambda: self.seconds)

    async def put(self, topic: str, count: int = 4, apart: float = 10.0) -> None:
        for _ in range(count):
            await self.log.append(topic, EVENT)
            self.seconds += apart

    async def reader(self, name: str, committed: int) -> Dispatcher:
        wanted = trigger("http://127.0.0.1:9", name=name)
        await self.log.commit(wanted.group, TOPIC, {0: committed})
        dispatcher = Dispatcher(wanted, TOPIC, self.log, Nobody(), asyncio.sleep)
        await dispatcher.resume()
        return dispatcher

    def extent(self, topic: str) -> Extent:
        return self.log.extents(topic)[0]


async def test_an_old_record_stays_until_the_slowest_trigger_is_past_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, TOPIC, DEAD_LETTERS)
    await shelf.put(TOPIC)
    readers = [await shelf.reader("quick", 4), await shelf.reader("slow", 1)]
    await trim(shelf.log, contract(retention_seconds=5.0), readers)
    assert shelf.extent(TOPIC) == Extent(1, 4)
    await shelf.log.close()


async def test_a_young_record_stays_although_every_trigger_is_past_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, TOPIC, DEAD_LETTERS)
    await shelf.put(TOPIC)
    await trim(shelf.log, contract(retention_seconds=25.0), [await shelf.reader("quick", 4)])
    assert shelf.extent(TOPIC) == Extent(2, 4)
    await shelf.log.close()


async def test_a_broker_without_triggers_and_a_sink_go_by_age_alone(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, TOPIC, DEAD_LETTERS)
    await shelf.put(DEAD_LETTERS, 2, SINK_SECONDS)
    await shelf.put(TOPIC)
    await trim(shelf.log, contract(retention_seconds=25.0), [])
    assert shelf.extent(TOPIC) == Extent(2, 4)
    assert shelf.extent(DEAD_LETTERS) == Extent(2, 2)
    await shelf.log.close()


async def test_a_topic_that_is_shared_is_kept_as_long_as_its_most_patient_owner_says(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, TOPIC)
    await shelf.put(TOPIC)
    shared = Contract(
        brokers=[Broker("a", "shop", TOPIC, 1, retention_seconds=5.0)], sinks=[Sink("b", "shop", TOPIC, 1)]
    )
    await trim(shelf.log, shared, [])
    assert shelf.extent(TOPIC) == Extent(0, 4)
    await shelf.log.close()


async def test_a_store_that_refuses_is_asked_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(tmp_path, TOPIC, DEAD_LETTERS)
    await shelf.log.close()
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_trimming(shelf.log, contract(), [], sleep)
    assert naps == [600.0, 600.0]
    assert caplog.text.count("retention: the broker is stopping") == 2
