from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from aiohttp import web

from knative_local.contract import Exact, Prefix

from .subscriber import DEADLINE_SECONDS, Answer, Seen, always, subscribing
from .system import DEAD_LETTERS, TOPIC, binary, contract, delivery, stage, system, trigger


class Gate:
    """An answer that waits until it is opened, for every event or for some."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, seen: Seen) -> web.StreamResponse:
        if not self._ids or seen.id in self._ids:
            await self._opened.wait()
        return web.Response(status=204)


class Failing:
    """503 for some ids until it is mended."""

    def __init__(self, *ids: str) -> None:
        self._ids = set(ids)

    def mend(self) -> None:
        self._ids.clear()

    async def __call__(self, seen: Seen) -> web.StreamResponse:
        return web.Response(status=503 if seen.id in self._ids else 204)


def never() -> Answer:
    return Gate()


async def test_the_request_is_the_one_knative_sends(tmp_path: Path) -> None:
    async with stage(tmp_path, partitions=1) as broker:
        sent = binary(
            subject="orders/1",
            sequence="0007",
            knativekafkaoffset="999",
            traceparent="00-a-b-01",
            tracestate="x=1",
        )
        await broker.post({**sent, "traceparent": "00-c-d-01", "authorization": "Bearer x"}, b'{"a":  1}')
        await broker.settled()
        (seen,) = broker.function.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/events", b'{"a":  1}')
    port = seen.headers["host"].rpartition(":")[2]
    assert {name.lower(): value for name, value in seen.headers.items()} == {
        **sent,
        "ce-knativekafkapartition": "0",
        "ce-knativekafkaoffset": "0",
        "host": f"127.0.0.1:{port}",
        "user-agent": "knative-local",
        "prefer": "reply",
        "kn-namespace": "shop",
        "content-type": "application/json",
        "content-length": "9",
        "traceparent": "00-a-b-01",
        "tracestate": "x=1",
    }


async def test_an_event_without_data_and_trace_is_an_empty_post(tmp_path: Path) -> None:
    async with stage(tmp_path) as broker:
        structured = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'
        await broker.post({"content-type": "application/cloudevents+json"}, structured)
        await broker.settled()
        (seen,) = broker.function.seen
    assert (seen.body, seen.headers["content-length"]) == (b"", "0")
    assert not {"content-type", "traceparent"} & {name.lower() for name in seen.headers}


async def test_a_trigger_gets_what_its_filters_want_and_commits_the_rest(tmp_path: Path) -> None:
    wanted = [Prefix({"type": "order."}), Exact({"tenant": "one"})]
    async with stage(tmp_path, filters=wanted) as broker:
        await broker.send(tenant="two")
        await broker.send(type="other", tenant="one")
        (right,) = await broker.send(tenant="one")
        counts = await broker.settled()
        assert [seen.id for seen in broker.function.seen] == [right]
        assert (counts.delivered, counts.filtered) == (1, 2)


async def test_every_trigger_of_a_broker_gets_every_event(tmp_path: Path) -> None:
    async with subscribing() as one, subscribing() as two:
        both = contract(trigger(one.url, name="one"), trigger(two.url, name="two"))
        async with system(both, tmp_path) as broker:
            sent = await broker.send(10)
            await broker.settled("one")
            await broker.settled("two")
    assert sorted(seen.id for seen in one.seen) == sorted(seen.id for seen in two.seen) == sorted(sent)


async def test_a_new_trigger_starts_with_the_oldest_event(tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        sent = await broker.send(5)
    async with stage(tmp_path) as broker:
        await broker.settled()
        assert sorted(seen.id for seen in broker.function.seen) == sorted(sent)


async def test_an_unordered_trigger_has_at_most_fifty_in_flight(tmp_path: Path) -> None:
    gate = Gate()
    async with stage(tmp_path, gate) as broker:
        await broker.send(120)
        await broker.function.has_seen(50)
        assert (await broker.trigger()).counts.in_flight == 50
        gate.open()
        await broker.settled()
        assert (broker.function.at_once, len(broker.function.seen)) == (50, 120)


async def test_an_ordered_trigger_has_one_in_flight_per_partition(tmp_path: Path) -> None:
    gate = Gate()
    async with stage(tmp_path, gate, ordered=True) as broker:
        await broker.send(30)  # without a key: ten in each of three partitions
        await broker.function.has_seen(3)
        assert (await broker.trigger()).counts.in_flight == 3
        gate.open()
        await broker.settled()
        assert (broker.function.at_once, len(broker.function.seen)) == (3, 30)


async def test_an_ordered_trigger_keeps_the_order_of_each_key_also_when_attempts_fail(tmp_path: Path) -> None:
    tried: defaultdict[str, int] = defaultdict(int)

    async def stumble(seen: Seen) -> web.StreamResponse:
        tried[seen.id] += 1
        return web.Response(status=503 if int(seen.id) % 10 == 0 and tried[seen.id] < 3 else 204)

    async with stage(tmp_path, stumble, ordered=True) as broker:
        for number in range(60):
            await broker.send(partitionkey=f"key-{number % 6}")
        counts = await broker.settled()
        requests = [(seen.headers["ce-partitionkey"], int(seen.id)) for seen in broker.function.seen]
    assert (counts.delivered, counts.retried) == (60, 12)
    for key in {key for key, _ in requests}:
        ids = [number for each, number in requests if each == key]
        assert ids == sorted(ids)


async def test_an_ordered_trigger_blocks_only_the_partition_of_a_failing_event(tmp_path: Path) -> None:
    gate = Gate("1")
    async with stage(tmp_path, gate, ordered=True, partitions=2) as broker:
        await broker.send(10)  # odd ids in one partition, even ids in the other
        await broker.function.has_seen(6)
        assert {seen.id for seen in broker.function.seen} == {"1", "2", "4", "6", "8", "10"}
        gate.open()
        await broker.settled()


async def test_a_poison_event_does_not_delay_its_neighbours(tmp_path: Path) -> None:
    async with subscribing(Failing("1")) as function:
        patient = trigger(function.url, delivery=delivery(None, backoff_seconds=3600.0))
        async with system(contract(patient, partitions=1), tmp_path) as broker:
            await broker.send(200)
            await function.has_seen(200)
            state = await broker.trigger()
    assert {seen.id for seen in function.seen} == {str(number) for number in range(1, 201)}
    assert (state.counts.in_flight, state.counts.dropped) == (1, 0)


async def test_only_the_finished_prefix_is_committed(tmp_path: Path) -> None:
    gate = Gate("3")
    async with stage(tmp_path, gate, partitions=1) as broker:
        await broker.send(10)
        await broker.function.has_seen(10)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (await broker.trigger()).counts.delivered < 9:
                await asyncio.sleep(0.01)
        state = await broker.trigger()
        assert (state.committed, state.lag) == (2, 8)
        gate.open()
        await broker.settled()


async def test_after_a_stop_what_was_not_finished_comes_again_and_nothing_else(tmp_path: Path) -> None:
    async with subscribing(Failing("7")) as function:
        patient = trigger(function.url, delivery=delivery(None, backoff_seconds=3600.0))
        async with system(contract(patient, partitions=1), tmp_path) as broker:
            await broker.send(10)
            await function.has_seen(10)
    async with stage(tmp_path, partitions=1) as broker:
        await broker.settled()
        again = sorted(int(seen.id) for seen in broker.function.seen)
    assert again[0] == 7
    assert set(again) <= {7, 8, 9, 10}


async def test_a_delivery_in_flight_is_finished_before_the_stop(tmp_path: Path) -> None:
    gate = Gate()
    async with subscribing(gate) as function, system(contract(trigger(function.url)), tmp_path) as broker:
        await broker.send(3)
        await function.has_seen(3)
        asyncio.get_running_loop().call_soon(gate.open)
    async with stage(tmp_path) as broker:
        assert (await broker.trigger()).lag == 0
        assert broker.function.seen == []


async def test_a_subscriber_that_never_answers_does_not_hold_up_the_stop_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with subscribing(never()) as function, system(contract(trigger(function.url)), tmp_path) as broker:
        await broker.send(3)
        await function.has_seen(3)
    async with stage(tmp_path) as broker:
        await broker.settled()
        assert len(broker.function.seen) == 3


async def test_two_triggers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async with subscribing(never()) as stuck, subscribing() as quick:
        both = contract(trigger(stuck.url, name="stuck", ordered=True), trigger(quick.url, name="quick"))
        async with system(both, tmp_path) as broker:
            await broker.send(20)
            counts = await broker.settled("quick")
    assert counts.delivered == 20


async def test_the_status_counts_what_happened(tmp_path: Path) -> None:
    async with stage(tmp_path, always(400)) as broker:
        await broker.send(4)
        await broker.settled()
        status = await broker.status()
    (orders,) = status.brokers
    assert (orders.namespace, orders.name, orders.topic) == ("shop", "orders", TOPIC)
    assert (orders.partitions, orders.end, orders.records) == (3, 4, 4)
    (t,) = status.triggers
    assert (t.name, t.broker, t.group) == ("t", "orders", "knative-trigger-shop-t")
    assert (t.committed, t.lag, t.counts.in_flight, t.counts.dead_lettered) == (4, 0, 0, 4)
    (letters,) = status.sinks
    assert (letters.name, letters.topic, letters.end) == ("dead-letter", DEAD_LETTERS, 0)


@pytest.mark.parametrize("ordered", [True, False])
async def test_no_event_is_missed_by_a_trigger_that_sleeps_between_events(
    ordered: bool, tmp_path: Path
) -> None:
    async with stage(tmp_path, ordered=ordered) as broker:
        for count in range(1, 21):
            await broker.send()
            await broker.function.has_seen(count)
        await broker.settled()
        assert [seen.id for seen in broker.function.seen] == [str(number) for number in range(1, 21)]
