"""The broker process: put together, run until a signal, taken apart without losing an event."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import msgspec

from knative_local.broker.backoff import Sleep
from knative_local.broker.client import Client
from knative_local.broker.dispatcher import Dispatcher
from knative_local.broker.ingress import Ingress
from knative_local.broker.pings import PingSource
from knative_local.broker.retention import keep_trimming
from knative_local.broker.server import listening
from knative_local.broker.status import status
from knative_local.broker.store import SqliteLog
from knative_local.contract import Broker, Contract, Sink, Trigger, read
from knative_local.errors import KnativeLocalError, StartError, UsageError
from knative_local.folder_lock import FolderLock

GRACE_SECONDS = 3.0  # what is not delivered by then is delivered again after the next start

logger = logging.getLogger(__name__)


def main(contract: Path, data: Path, host: str, port: int) -> int:
    """Run until SIGTERM or SIGINT; port 0 takes a free one, which the log line names."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        with _owned(data):
            asyncio.run(_until_signal(_contract(contract), data, host, port))
    except KnativeLocalError as error:
        print(f"knative-local: {error}", file=sys.stderr)
        return error.exit_code
    return 0


@contextlib.asynccontextmanager
async def running(
    contract: Contract, data: Path, host: str = "127.0.0.1", port: int = 0, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[str]:
    """Yield the URL; on leaving deliveries get `GRACE_SECONDS`, and everything acknowledged is on disk.

    A failure that nobody foresaw in any of the tasks cancels the body and comes out of here.
    """
    topics = _topics(contract)
    async with contextlib.AsyncExitStack() as stack:
        log = _log(data, topics)
        stack.push_async_callback(log.close)
        client = await stack.enter_async_context(Client())
        dispatchers = [
            Dispatcher(trigger, topic, log, client, sleep) for trigger, topic in _subscriptions(contract)
        ]
        for dispatcher in dispatchers:
            await dispatcher.resume()
        pings = [PingSource(ping, client) for ping in contract.pings]
        ingress = Ingress(contract, log, lambda: status(contract, log, dispatchers))
        door = await stack.enter_async_context(listening(ingress.handle, host, port))
        async with asyncio.TaskGroup() as tasks:
            deliveries = [tasks.create_task(dispatcher.run()) for dispatcher in dispatchers]
            others = [tasks.create_task(ping.run()) for ping in pings]
            others.append(tasks.create_task(keep_trimming(log, contract, dispatchers)))
            yield door.url
            await door.refuse()
            for task in others:
                task.cancel()
            for dispatcher in dispatchers:
                dispatcher.stop(GRACE_SECONDS)
            await asyncio.gather(*deliveries)


async def _until_signal(contract: Contract, data: Path, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(contract, data, host, port) as url:
        logger.info("listening url=%s", url)
        await stop.wait()
        logger.info("stopping")


def _contract(path: Path) -> Contract:
    try:
        return read(path)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a contract: {error}") from error


def _topics(contract: Contract) -> dict[str, int]:
    """Partitions per topic; objects that share a topic get the largest number any of them asks for."""
    topics: dict[str, int] = {}
    owners: list[Broker | Sink] = [*contract.brokers, *contract.sinks]
    for owner in owners:
        topics[owner.topic] = max(owner.partitions, topics.get(owner.topic, 1))
    return topics


def _subscriptions(contract: Contract) -> Iterator[tuple[Trigger, str]]:
    topics = {(broker.namespace, broker.name): broker.topic for broker in contract.brokers}
    for trigger in contract.triggers:
        topic = topics.get((trigger.namespace, trigger.broker))
        if topic is None:
            raise UsageError(
                f"Trigger {trigger.namespace}/{trigger.name}: there is no Broker {trigger.broker!r}"
            )
        yield trigger, topic


def _log(data: Path, topics: Mapping[str, int]) -> SqliteLog:
    try:
        return SqliteLog(data, topics)
    except sqlite3.Error as error:
        raise StartError(f"{data}: the log cannot be opened: {error}") from error


@contextlib.contextmanager
def _owned(data: Path) -> Iterator[None]:
    """Two processes would give the same offset twice; the kernel lets go of the lock when its holder dies."""
    lock = FolderLock(data / "log.lock")
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock.take()
    except OSError as error:
        raise UsageError(f"{data} cannot be used: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
