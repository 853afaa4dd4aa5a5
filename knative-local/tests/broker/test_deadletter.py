from __future__ import annotations

import base64
from pathlib import Path

import pytest

from .subscriber import always, subscribing
from .system import DEAD_LETTERS, binary, contract, delivery, stage, system, trigger

KNE = {"kne-retry_x": "1", "kne-type": "evil", "kne-tenant": "theirs", "kne-note": "fine", "kne-data": "x"}


async def test_a_dead_letter_is_the_original_with_reason_and_position(tmp_path: Path) -> None:
    async with stage(tmp_path, always(422, b"e" * 5000), partitions=1) as broker:
        await broker.send(type="order.cancelled")
        sent = binary(id="42", partitionkey="k", sequence="0007", subject="orders/1")
        await broker.post(sent, b'{"a":  1}')
        await broker.settled()
        letter = next(seen for seen in broker.sink.seen if seen.id == "42")
    expected = sent | {
        "ce-knativekafkapartition": "0",
        "ce-knativekafkaoffset": "1",
        "ce-knativeerrordest": "http://told/as-is",
        "ce-knativeerrorcode": "422",
        "ce-knativeerrordata": base64.b64encode(b"e" * 1024).decode(),
    }
    assert {name: value for name, value in letter.headers.items() if name.startswith("ce-")} == expected
    assert letter.headers["content-type"] == "application/json"
    assert letter.body == b'{"a":  1}'


async def test_an_error_answer_without_body_leaves_no_error_data(tmp_path: Path) -> None:
    async with stage(tmp_path, always(400)) as broker:
        await broker.send()
        await broker.settled()
        assert "ce-knativeerrordata" not in broker.sink.seen[0].headers


async def test_a_kne_header_becomes_an_extension_unless_it_is_illegal_or_the_event_has_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(tmp_path, always(400, b"", KNE)) as broker:
        await broker.send(tenant="ours")
        counts = await broker.settled()
        headers = broker.sink.seen[0].headers
    assert counts.dead_lettered == 1
    assert headers["ce-note"] == "fine"
    assert headers["ce-tenant"] == "ours"
    assert headers.getall("ce-type") == ["order.placed"]
    assert "ce-retry_x" not in headers
    assert "ce-data" not in headers
    assert "the answer's header kne-retry_x is ignored" in caplog.text


async def test_the_reason_of_an_earlier_life_is_replaced(tmp_path: Path) -> None:
    async with stage(tmp_path, always(200, b"not an event")) as broker:
        await broker.send(knativeerrorcode="500", knativeerrordata="b2xk", knativeerrordest="http://old")
        await broker.settled()
        headers = broker.sink.seen[0].headers
    assert headers["ce-knativeerrordest"] == "http://told/as-is"
    assert "ce-knativeerrorcode" not in headers
    assert "ce-knativeerrordata" not in headers


async def test_a_sink_keeps_a_dead_letter_readable_even_of_the_largest_headers_a_broker_takes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with (
        system(contract(), tmp_path_factory.mktemp("sinks")) as kept,
        subscribing(always(400, b"e" * 5000)) as function,
    ):
        wanted = trigger(function.url, delivery=delivery(f"{kept.url}/sinks/shop/dead-letter"))
        async with system(contract(wanted), tmp_path_factory.mktemp("broker")) as broker:
            await broker.send(partitionkey="k", long="x" * 7700)
            counts = await broker.settled()
            (letter,) = kept.records(DEAD_LETTERS)
    assert counts.dead_lettered == 1
    assert letter["key"] == "k"
    assert letter["attributes"]["knativeerrorcode"] == "400"
    assert letter["attributes"]["long"] == "x" * 7700
