"""What the receiver answers, as measured on Knative's; where ours is stricter the test says so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from knative_local.contract import Broker, Contract, Sink

from .system import DEAD_LETTERS, TOPIC, System, binary, contract, system

STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


async def ask(
    broker: System, method: str, path: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    async with broker.session.request(method, broker.url + path, headers=headers) as response:
        return response.status, dict(response.headers), await response.read()


async def test_a_stored_event_is_answered_202_without_a_body(tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        assert await broker.post(binary(id="1", partitionkey="k"), b'{"a": 1}') == (202, b"")
        body = json.dumps(
            {"specversion": "1.0", "id": "2", "source": "/s", "type": "t", "data": "x"}
        ).encode()
        assert await broker.post(STRUCTURED, body) == (202, b"")
        first, second = broker.records(TOPIC)
    assert (first["attributes"]["id"], first["key"], first["data"]) == ("1", "k", {"a": 1})
    assert (second["attributes"]["id"], second["key"], second["data"]) == ("2", None, "x")


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [
        ({}, b"{}", "no ce- headers"),
        (binary(id=""), b"{}", "attribute id is missing or empty"),
        ({**binary(), "ce-id": ""}, b"{}", "attribute id is missing or empty"),  # Knative takes an empty one
        (binary(specversion="0.3"), b"{}", "only specversion 1.0"),  # Knative takes it
        (binary(time="soon"), b"{}", "time is not"),
        (binary(source="/a b"), b"{}", "source is not a URI"),
        (binary(under_score="x"), b"{}", "'under_score' is not an attribute name"),
        (STRUCTURED, b"{", "not a JSON object"),
        (STRUCTURED, b"[]", "not a JSON object"),
        (BATCH, b"[]", "is not supported"),
        ({"content-type": "application/cloudevents+avro"}, b"", "is not supported"),
    ],
)
async def test_a_malformed_event_is_refused_with_the_reason(
    headers: dict[str, str], body: bytes, why: str, tmp_path: Path
) -> None:
    async with system(contract(), tmp_path) as broker:
        status, answer = await broker.post(headers, body)
        assert broker.records(TOPIC) == []
    problem: dict[str, Any] = json.loads(answer)
    assert (status, problem["status"]) == (400, 400)
    assert why in problem["detail"]


@pytest.mark.parametrize(
    "path", ["/", "/shop", "/shop/Orders", "/shop/orders/more", "/other/orders", "/sinks/shop"]
)
async def test_an_unknown_path_is_404(path: str, tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        status, answer = await broker.post(binary(), path=path)
    assert status == 404
    assert "there are: /shop/orders, /sinks/shop/dead-letter" in json.loads(answer)["detail"]


@pytest.mark.parametrize("path", ["/shop/orders/", "/shop/orders?x=1"])
async def test_a_trailing_slash_and_a_query_do_not_matter(path: str, tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        assert (await broker.post(binary(), path=path))[0] == 202


@pytest.mark.parametrize("path", ["/shop/orders", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
async def test_another_method_is_405_wherever_it_goes(method: str, path: str, tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        assert (await ask(broker, method, path))[0] == 405


async def test_the_probe_of_a_control_plane_is_answered_for_known_paths(tmp_path: Path) -> None:
    probe = {"K-Network-Probe": "probe", "K-Network-Hash": "abc"}
    async with system(contract(), tmp_path) as broker:
        status, headers, _ = await ask(broker, "GET", "/shop/orders", probe)
        assert (status, headers["K-Network-Hash"]) == (200, "abc")
        assert (await ask(broker, "GET", "/nowhere", probe))[0] == 404
        assert (await broker.post({**binary(), **probe}))[0] == 202


async def test_an_event_that_kafka_could_not_hold_is_503(tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        assert (await broker.post(binary(), b"x" * 1_048_000))[0] == 202
        assert (await broker.post(binary(), b"x" * 1_048_500))[0] == 503
        assert (await broker.post(binary(), b"x" * 5_000_000))[0] == 503
        assert len(broker.records(TOPIC)) == 1


async def test_headers_over_8_kib_are_431_in_either_mode(tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        assert (await broker.post(binary(tenant="x" * 7000)))[0] == 202
        assert (await broker.post(binary(tenant="x" * 9000)))[0] == 431
        assert (await broker.post(binary(**{f"e{number}": "x" * 100 for number in range(90)})))[0] == 431
        event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "tenant": "x" * 9000}
        assert (await broker.post(STRUCTURED, json.dumps(event).encode()))[0] == 431
        assert len(broker.records(TOPIC)) == 1


async def test_a_broker_and_a_sink_may_have_the_same_name(tmp_path: Path) -> None:
    same = Contract(brokers=[Broker("same", "shop", TOPIC)], sinks=[Sink("same", "shop", DEAD_LETTERS)])
    async with system(same, tmp_path) as broker:
        assert await broker.post(binary(id="1"), path="/shop/same") == (202, b"")
        assert await broker.post(binary(id="2"), path="/sinks/shop/same") == (202, b"")
        assert [record["attributes"]["id"] for record in broker.records(TOPIC)] == ["1"]
        assert [record["attributes"]["id"] for record in broker.records(DEAD_LETTERS)] == ["2"]


async def test_a_request_that_breaks_off_stores_nothing_and_harms_nobody(tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        address = urlsplit(broker.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in binary(id="cut").items())
        writer.write(f"POST /shop/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n{head}\r\n{{".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert await reader.read() == b""
        await broker.send()
        assert len(broker.records(TOPIC)) == 1


async def test_a_client_that_asks_first_is_told_to_continue(tmp_path: Path) -> None:
    async with system(contract(), tmp_path) as broker:
        address = urlsplit(broker.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in binary().items())
        head += "Expect: 100-continue\r\n"
        writer.write(f"POST /shop/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{head}\r\n".encode())
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        writer.write(b"{}")
        assert b"202 Accepted" in await reader.readuntil(b"Accepted")
        writer.close()
        await writer.wait_closed()
