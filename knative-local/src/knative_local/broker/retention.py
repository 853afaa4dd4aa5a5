"""Which records may go: old ones that no Trigger still has before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from knative_local.broker.backoff import Sleep
from knative_local.broker.dispatcher import Dispatcher
from knative_local.broker.errors import StoreUnavailableError
from knative_local.broker.store import SqliteLog
from knative_local.contract import Contract

SINK_SECONDS = 7 * 24 * 3600.0  # Kafka's own default: a sink's topic is not the Broker's to configure
_EVERY_SECONDS = 600.0

logger = logging.getLogger(__name__)


async def keep_trimming(
    log: SqliteLog, contract: Contract, dispatchers: Sequence[Dispatcher], sleep: Sleep = asyncio.sleep
) -> None:
    while True:
        try:
            await trim(log, contract, dispatchers)
        except StoreUnavailableError as error:
            logger.error("retention: %s", error)
        await sleep(_EVERY_SECONDS)


async def trim(log: SqliteLog, contract: Contract, dispatchers: Sequence[Dispatcher]) -> None:
    for topic, seconds in _ages(contract).items():
        readers = [dispatcher.committed for dispatcher in dispatchers if dispatcher.topic == topic]
        await log.trim(topic, seconds, _lowest(readers))


def _ages(contract: Contract) -> dict[str, float]:
    """A topic that several objects share is kept as long as the most patient of them says."""
    ages = dict.fromkeys((sink.topic for sink in contract.sinks), SINK_SECONDS)
    for broker in contract.brokers:
        ages[broker.topic] = max(broker.retention_seconds, ages.get(broker.topic, 0.0))
    return ages


def _lowest(readers: Iterable[Mapping[int, int]]) -> dict[int, int]:
    lowest: dict[int, int] = {}
    for committed in readers:
        for number, offset in committed.items():
            lowest[number] = min(offset, lowest.get(number, offset))
    return lowest
