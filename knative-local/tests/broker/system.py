"""A running broker with one Broker, one sink and the Triggers a test names; everything over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from knative_local.broker import reading
from knative_local.broker.app import running
from knative_local.broker.backoff import Sleep
from knative_local.broker.counts import Counts
from knative_local.broker.schema import FILE
from knative_local.broker.status import Status, TriggerStatus
from knative_local.contract import Broker, Contract, Delivery, Sink, Trigger

from .subscriber import DEADLINE_SECONDS, Answer, Subscriber, no_content, subscribing

NAMESPACE = "shop"
TOPIC = "shop.events"
DEAD_LETTERS = "shop.dead-letter"


class Naps:
    """A sleep that takes no time and remembers how long it should have taken."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def trigger(url: str, **changes: Any) -> Trigger:
    given = {"name": "t", "namespace": NAMESPACE, "broker": "orders", "subscriber_name": "http://told/as-is"}
    return Trigger(**{**given, "subscriber_url": url, **changes})


def contract(*triggers: Trigger, partitions: int = 3, **changes: Any) -> Contract:
    return Contract(
        brokers=[Broker("orders", NAMESPACE, TOPIC, partitions, **changes)],
        triggers=list(triggers),
        sinks=[Sink("dead-letter", NAMESPACE, DEAD_LETTERS, partitions)],
    )


def binary(**attributes: str) -> dict[str, str]:
    """Headers of an event; an attribute given as an empty string is left out."""
    given = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed", **attributes}
    return {f"ce-{name}": value for name, value in given.items() if value}


@dataclass
class System:
    url: str
    data: Path
    session: aiohttp.ClientSession
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def post(
        self, headers: Mapping[str, str], body: bytes = b"{}", path: str = f"/{NAMESPACE}/orders"
    ) -> tuple[int, bytes]:
        given = {"content-type": "application/json", **headers}
        async with self.session.post(self.url + path, headers=given, data=io.BytesIO(body)) as response:
            return response.status, await response.read()

    async def send(self, count: int = 1, **attributes: str) -> list[str]:
        """Events with ids of their own; the ids."""
        ids = [str(next(self.ids)) for _ in range(count)]
        for each in ids:
            assert await self.post(binary(**{**attributes, "id": each})) == (202, b"")
        return ids

    async def status(self) -> Status:
        async with self.session.get(self.url + "/status") as response:
            assert response.status == 200
            return msgspec.json.decode(await response.read(), type=Status)

    async def settled(self, name: str = "t") -> Counts:
        """Wait until the Trigger has nothing left to do; what it did."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await self.trigger(name)).lag:
                await asyncio.sleep(0.01)
        return (await self.trigger(name)).counts

    async def trigger(self, name: str = "t") -> TriggerStatus:
        return next(each for each in (await self.status()).triggers if each.name == name)

    def records(self, topic: str) -> list[dict[str, Any]]:
        return reading.records(self.data / FILE, topic)


@dataclass
class Stage(System):
    """With a subscriber, a dead letter sink, and a sleep that takes no time."""

    function: Subscriber = field(default_factory=lambda: Subscriber(""))
    sink: Subscriber = field(default_factory=lambda: Subscriber(""))
    naps: Naps = field(default_factory=Naps)


@contextlib.asynccontextmanager
async def system(contract: Contract, data: Path, sleep: Sleep = asyncio.sleep) -> AsyncIterator[System]:
    async with running(contract, data, sleep=sleep) as url, aiohttp.ClientSession() as session:
        yield System(url, data, session)


@contextlib.asynccontextmanager
async def stage(
    data: Path, answer: Answer = no_content, sink: Answer = no_content, partitions: int = 3, **changes: Any
) -> AsyncIterator[Stage]:
    """One Trigger as the measurements had it (retry 4, exponential, 0.2 s), with `changes`."""
    async with subscribing(answer) as function, subscribing(sink) as letters:
        given = {"delivery": delivery(letters.url), **changes}
        wanted = contract(trigger(function.url, **given), partitions=partitions)
        naps = Naps()
        async with system(wanted, data, naps) as broker:
            yield Stage(broker.url, data, broker.session, function=function, sink=letters, naps=naps)


def delivery(dead_letter_url: str | None, **changes: Any) -> Delivery:
    given = {"retry": 4, "backoff_seconds": 0.2, "dead_letter_url": dead_letter_url}
    return Delivery(**{**given, **changes})
