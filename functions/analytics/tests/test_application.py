"""Every answer, over real sockets, with a store that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from analytics.application import Application
from analytics.errors import DatabaseAway, UnstorableEvent
from analytics.event_row import EventRow
from analytics.http_protocol import HttpProtocol
from task_events import to_structured

from .events import Memory, make_event, make_message
from .http_client import Reply, connected, post, request, wire
from .polling import until


class Fickle(Memory):
    """Fails with `fault` while it has one."""

    fault: Exception | None = None

    async def record(self, row: EventRow) -> bool:
        await self.ping()
        return await super().record(row)

    async def ping(self) -> None:
        if self.fault:
            raise self.fault


@pytest.fixture
def store() -> Fickle:
    return Fickle()


@pytest.fixture
async def port(store: Fickle) -> AsyncIterator[int]:
    connections: set[HttpProtocol] = set()
    respond = Application(store, store.ping, lambda message, context: None).respond
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpProtocol(respond, connections), "127.0.0.1", 0
    )

    async def closed() -> bool:
        return not connections

    yield server.sockets[0].getsockname()[1]
    server.close()
    await until(closed)


def detail(reply: Reply) -> str:
    assert reply.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(reply.body, type=dict[str, str | int])
    assert problem["status"] == reply.status
    return str(problem["detail"])


async def test_a_binary_event_is_answered_with_nothing_at_all(port: int, store: Fickle) -> None:
    reply = await post(port, make_message())
    assert reply == Reply(204, {}, b"")
    assert len(store.kept) == 1


async def test_a_structured_event_is_the_same_event(port: int, store: Fickle) -> None:
    event = make_event()
    assert (await post(port, make_message(event))).status == 204
    assert await post(port, to_structured(event)) == Reply(204, {}, b"")
    assert len(store.kept) == 1


async def test_an_event_of_another_kind_is_accepted_and_left(port: int, store: Fickle) -> None:
    assert await post(port, make_message(ce_type="order.created")) == Reply(204, {}, b"")
    assert store.kept == {}


async def test_unknown_parts_of_a_newer_event_are_ignored(port: int, store: Fickle) -> None:
    message = make_message(ce_colour="blue")
    body = msgspec.json.decode(message.body, type=dict[str, object])
    body["mood"] = "good"
    body["payload"] = {"task_id": 1, "title": "t", "completed": False, "labels": ["a"]}
    assert (await post(port, message._replace(body=msgspec.json.encode(body)))).status == 204
    assert len(store.kept) == 1


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"ce_id": None}, None),
        ({"ce_id": ""}, None),
        ({"ce_source": None}, None),
        ({"ce_type": None}, None),
        ({"ce_specversion": None}, None),
        ({"ce_specversion": "0.3"}, None),
        ({"ce_sequence": None}, None),
        ({"ce_sequence": "-1"}, None),
        ({"ce_sequence": "9" * 20}, None),
        ({"ce_sequence": str(2**63 - 1)}, None),
        ({"ce_time": "yesterday"}, None),
        ({"ce_subject": "tasks/2"}, None),
        ({"content_type": "text/plain"}, None),
        ({"content_type": "application/cloudevents-batch+json"}, b"[]"),
        ({"content_type": "application/cloudevents+json"}, b"[1]"),
        ({"content_type": "application/cloudevents+json"}, b"{"),
        ({}, b""),
        ({}, b"{"),
        ({}, b"[]"),
        ({}, b"null"),
        ({}, b'"text"'),
        ({}, b"\xff\xfe"),
        ({}, b"[" * 100_000),
        ({}, b'{"a":' * 100_000),
        ({}, b'{"payload": {"task_id": 1e400}}'),
    ],
)
async def test_what_is_not_a_good_event_goes_to_the_dead_letters_at_once(
    port: int, store: Fickle, changes: dict[str, str | None], body: bytes | None
) -> None:
    message = make_message(**changes)
    reply = await post(port, message if body is None else message._replace(body=body))
    assert reply.status == 400
    assert detail(reply)
    assert store.kept == {}


@pytest.mark.parametrize(
    "change",
    [
        {"task_id": "1"},
        {"task_id": 10**400},
        {"task_id": 2**63},
        {"task_id": 0},
        {"completed": "yes"},
        {"title": None},
        {"title": "nul \0"},
        {"created_at": "2026-02-03"},
        {"completed_at": "9999-12-31T23:59:59-12:00"},
    ],
)
async def test_a_payload_of_wrong_types_goes_to_the_dead_letters(
    port: int, store: Fickle, change: dict[str, object]
) -> None:
    message = make_message()
    body = msgspec.json.decode(message.body, type=dict[str, Any])
    body["payload"] |= change
    assert (await post(port, message._replace(body=msgspec.json.encode(body)))).status == 400
    assert store.kept == {}


async def test_a_lone_surrogate_goes_to_the_dead_letters(port: int, store: Fickle) -> None:
    message = make_message()
    body = message.body.replace(b"Buy groceries", b"\\ud800")
    assert (await post(port, message._replace(body=body))).status == 400
    assert store.kept == {}


async def test_a_body_over_one_mebibyte_is_413(port: int) -> None:
    reply = await post(port, make_message()._replace(body=b" " * (2**20 + 1)))
    assert reply.status == 413
    assert "1048576 bytes" in detail(reply)


async def test_a_database_that_is_away_asks_for_another_try(port: int, store: Fickle) -> None:
    store.fault = DatabaseAway("The database is away.")
    reply = await post(port, make_message())
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert detail(reply) == "The database is away."


async def test_an_event_the_database_refuses_is_not_tried_again(port: int, store: Fickle) -> None:
    store.fault = UnstorableEvent("No.")
    assert (await post(port, make_message())).status == 400


async def test_a_bug_is_500_and_says_nothing_of_itself(port: int, store: Fickle) -> None:
    store.fault = RuntimeError("secret")
    reply = await post(port, make_message())
    assert reply.status == 500
    assert "secret" not in detail(reply)


async def test_the_probes_tell_alive_from_ready(port: int, store: Fickle) -> None:
    assert (await request(port, "GET", "/livez")).status == 200
    assert (await request(port, "GET", "/readyz")).status == 200
    store.fault = DatabaseAway("The database is away.")
    assert (await request(port, "GET", "/livez")).status == 200
    assert (await request(port, "GET", "/readyz")).status == 503


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 405),
        ("PUT", "/", 405),
        ("POST", "/livez", 405),
        ("HEAD", "/readyz", 405),
        ("POST", "/events", 404),
        ("GET", "/metrics", 404),
        ("POST", "//", 404),
    ],
)
async def test_other_methods_are_405_and_other_paths_404(
    port: int, method: str, path: str, status: int
) -> None:
    message = make_message()
    body = message.body if method != "HEAD" else b""
    assert (await request_status(port, method, path, message.headers, body)) == status


async def request_status(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
    async with connected(port) as (reader, writer):
        writer.write(wire(method, path, headers, body))
        return int((await reader.readline()).split()[1])


async def test_no_answer_has_a_header_that_can_wedge_the_dispatcher(port: int, store: Fickle) -> None:
    replies = [await post(port, make_message()), await post(port, make_message(ce_id=None))]
    store.fault = DatabaseAway("The database is away.")
    replies.append(await post(port, make_message()))
    assert [reply.status for reply in replies] == [204, 400, 503]
    assert not [name for reply in replies for name in reply.headers if name.startswith("kne-")]
