"""What was acknowledged is there, whatever happens to the process or to its files."""

from __future__ import annotations

import asyncio
import random
import resource
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from knative_local.broker import reading
from knative_local.broker.schema import FILE
from knative_local.contract import Delivery

from .process import process
from .subscriber import DEADLINE_SECONDS, Seen, subscribing
from .system import TOPIC, binary, contract, trigger


def stored(path: Path) -> Counter[int]:
    """How often each id is in the topic."""
    found: Counter[int] = Counter()
    after = 0
    while page := reading.records(path, TOPIC, after, reading.LARGEST_PAGE):
        found.update(int(record["attributes"]["id"]) for record in page)
        after = page[-1]["position"]
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_a_kill_in_mid_append_loses_nothing_acknowledged(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    acknowledged: list[int] = []
    sent = 0
    for _ in range(3):
        async with process(tmp_path, contract()) as broker:
            pouring = asyncio.create_task(broker.pour(range(sent, sent + 100_000), acknowledged))
            enough = len(acknowledged) + chance.randrange(50, 1500)
            async with asyncio.timeout(DEADLINE_SECONDS):
                while len(acknowledged) < enough:
                    await asyncio.sleep(0.001)
            assert await broker.end(signal.SIGKILL) == -signal.SIGKILL
            await pouring
        sent += 100_000
        found = stored(tmp_path / "data" / FILE)
        assert set(acknowledged) <= found.keys()
        assert set(found.values()) == {1}
    async with process(tmp_path, contract()) as broker:
        (orders,) = (await broker.status()).brokers
    assert orders.records == found.total()


async def test_a_write_ahead_log_torn_anywhere_keeps_everything_acknowledged_before(tmp_path: Path) -> None:
    data = tmp_path / "data"
    wal = data / f"{FILE}-wal"
    sizes: list[int] = []  # of the write-ahead log when that many events were acknowledged
    async with process(tmp_path, contract()) as broker:
        for number in range(60):
            assert (await broker.post(binary(id=str(number)), b"x" * 300))[0] == 202
            sizes.append(wal.stat().st_size)
        torn = tmp_path / "torn"
        shutil.copytree(data, torn, ignore=shutil.ignore_patterns("*-shm"))
    whole = (torn / f"{FILE}-wal").read_bytes()
    assert sizes[-1] == len(whole)  # nothing was moved to the database file meanwhile
    chance = random.Random(1)
    for cut in [*chance.sample(range(sizes[0], len(whole)), 40), len(whole)]:
        copy = tmp_path / f"cut-{cut}"
        copy.mkdir()
        shutil.copy(torn / FILE, copy / FILE)
        (copy / f"{FILE}-wal").write_bytes(whole[:cut])
        acknowledged = {number for number, size in enumerate(sizes) if size <= cut}
        found = stored(copy / FILE)
        assert acknowledged <= found.keys()
        assert set(found) == set(range(len(found)))


async def test_a_kill_while_delivering_loses_no_delivery(tmp_path: Path) -> None:
    delivered: set[str] = set()

    async def slow(seen: Seen) -> web.StreamResponse:
        await asyncio.sleep(0.005)
        delivered.add(seen.id)
        return web.Response(status=204)

    acknowledged: list[int] = []
    async with subscribing(slow) as function:
        wanted = contract(trigger(function.url))
        for first in (0, 300, 600):
            async with process(tmp_path, wanted) as broker:
                await broker.pour(range(first, first + 300), acknowledged)
                await function.has_seen(first + 20)
                await broker.end(signal.SIGKILL)
        async with process(tmp_path, wanted) as broker:
            await broker.settled()
    assert len(acknowledged) == 900
    assert delivered == {str(number) for number in range(900)}


async def test_sigterm_exits_0_and_what_waits_for_a_retry_comes_again(tmp_path: Path) -> None:
    async def failing(seen: Seen) -> web.StreamResponse:
        return web.Response(status=503 if int(seen.id) % 2 else 204)

    patient = Delivery(retry=10, backoff_seconds=3600.0)
    async with subscribing(failing) as function:
        wanted = contract(trigger(function.url, delivery=patient), partitions=1)
        async with process(tmp_path, wanted) as broker:
            await broker.send(10)
            await function.has_seen(10)
            assert await broker.end(signal.SIGTERM) == 0
    async with subscribing() as function:
        async with process(tmp_path, contract(trigger(function.url), partitions=1)) as broker:
            await broker.settled()
        assert {seen.id for seen in function.seen} >= {"1", "3", "5", "7", "9"}


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
async def test_a_full_disk_is_answered_503_and_the_broker_recovers_by_itself(tmp_path: Path) -> None:
    async with process(tmp_path, contract()) as broker:
        await broker.send(5)
        size = (broker.data / f"{FILE}-wal").stat().st_size
        unlimited = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (size + 4096, unlimited[1]))
        answers = [(await broker.post(binary(id="100"), b"x" * 50_000))[0] for _ in range(3)]
        assert answers == [503, 503, 503]
        resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, unlimited)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await broker.post(binary(id="101"), b"x" * 50_000))[0] != 202:
                pass
        await broker.send(5)
        found = stored(broker.data / FILE)
    assert found == Counter([*range(1, 11), 101])


async def test_the_log_can_be_read_while_the_broker_is_dead(tmp_path: Path) -> None:
    async with process(tmp_path, contract()) as broker:
        await broker.send(3)
        await broker.end(signal.SIGKILL)
        assert len(broker.records(TOPIC)) == 3
