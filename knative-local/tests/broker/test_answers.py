"""The table "answers, retries, dead letters" as measured on Knative's Kafka dispatcher, row by row."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from .subscriber import Answer, Seen, always, in_turn, no_content
from .system import TOPIC, delivery, stage

JSON = {"content-type": "application/json"}
REPLY = {"ce-specversion": "1.0", "ce-id": "r1", "ce-source": "/s", "ce-type": "reply"}
STRUCTURED = (
    b'{"specversion":"1.0","id":"r1","source":"/s","type":"reply","partitionkey":"k","data":{"n": 1}}'
)
STRUCTURED_TYPE = {"content-type": "application/cloudevents+json"}


async def hang_up(seen: Seen) -> web.StreamResponse:
    seen.hang_up()
    return web.Response()


async def babble(seen: Seen) -> web.StreamResponse:
    seen.say(b"220 mail.example ready\r\n\r\n")
    seen.hang_up()
    return web.Response()


async def silence(seen: Seen) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def endless(seen: Seen) -> web.StreamResponse:
    async def trickle() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    return web.Response(body=trickle())


DONE: dict[str, Answer] = {
    "200": always(200),
    "202": always(202),
    "204": no_content,
    "incomplete headers and no body": always(200, b"", {"ce-id": "r1", "ce-type": "reply"}),
    "a content type and no body": always(200, b"", JSON),
}


@pytest.mark.parametrize("answer", DONE.values(), ids=DONE.keys())
async def test_a_2xx_without_body_is_a_success_after_one_attempt(answer: Answer, tmp_path: Path) -> None:
    async with stage(tmp_path, answer) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (counts.delivered, counts.dead_lettered, counts.replied) == (1, 0, 0)
        assert (len(broker.function.seen), len(broker.sink.seen)) == (1, 0)


UNDECODABLE: dict[str, Answer] = {
    "200 JSON": always(200, b'{"ok": true}', JSON),
    "202 JSON": always(202, b'{"ok": true}', JSON),
    "null": always(200, b"null", JSON),
    "text": always(200, b"thanks", {"content-type": "text/plain"}),
    "a newline": always(200, b"\n"),
    "incomplete headers with a body": always(200, b"{}", {"ce-id": "r1", "ce-type": "reply"}),
    "a batch": always(200, b"[" + STRUCTURED + b"]", {"content-type": "application/cloudevents-batch+json"}),
    "a reply larger than a record": always(200, b"x" * 1_100_000, REPLY),
}


@pytest.mark.parametrize("answer", UNDECODABLE.values(), ids=UNDECODABLE.keys())
async def test_a_2xx_body_that_is_no_event_is_dead_lettered_at_once_without_code_or_data(
    answer: Answer, tmp_path: Path
) -> None:
    async with stage(tmp_path, answer) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), counts.dead_lettered, counts.retried) == (1, 1, 0)
        (letter,) = broker.sink.seen
    assert letter.headers["ce-knativeerrordest"] == "http://told/as-is"
    assert "ce-knativeerrorcode" not in letter.headers
    assert "ce-knativeerrordata" not in letter.headers


REPLIES: dict[str, tuple[Answer, str | None]] = {
    "binary": (always(200, b'{"n": 1}', REPLY | JSON), None),
    "202 binary with a key": (always(202, b'{"n": 1}', REPLY | JSON | {"ce-partitionkey": "k"}), "k"),
    "structured": (always(200, STRUCTURED, STRUCTURED_TYPE), "k"),
}


@pytest.mark.parametrize(("answer", "key"), REPLIES.values(), ids=REPLIES.keys())
async def test_a_reply_is_appended_to_the_topic_with_its_own_key_and_nothing_of_the_request(
    answer: Answer, key: str | None, tmp_path: Path
) -> None:
    async with stage(tmp_path, in_turn(answer, no_content)) as broker:
        await broker.send(partitionkey="asked", tenant="one")
        counts = await broker.settled()
        _, reply = broker.records(TOPIC)
    assert (counts.delivered, counts.replied) == (2, 1)
    assert (reply["attributes"]["type"], reply["data"], reply["key"]) == ("reply", {"n": 1}, key)
    assert "tenant" not in reply["attributes"]


async def test_a_reply_without_body_is_an_event_without_data(tmp_path: Path) -> None:
    async with stage(tmp_path, in_turn(always(200, b"", REPLY), no_content)) as broker:
        await broker.send()
        await broker.settled()
        _, reply = broker.records(TOPIC)
    assert reply["attributes"]["id"] == "r1"
    assert not {"data", "data_base64"} & reply.keys()


@pytest.mark.parametrize(
    "status", [301, 302, 303, 304, 307, 308, 400, 401, 403, 405, 410, 413, 415, 422, 425]
)
async def test_a_final_status_is_dead_lettered_after_one_attempt_and_no_redirect_is_followed(
    status: int, tmp_path: Path
) -> None:
    async with stage(tmp_path, always(status, b"", {"location": "/elsewhere"})) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), counts.retried, counts.dead_lettered) == (1, 0, 1)
        assert broker.sink.seen[0].headers["ce-knativeerrorcode"] == str(status)


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 501, 502, 503, 504, 599])
async def test_a_passing_status_is_retried_and_then_dead_lettered(status: int, tmp_path: Path) -> None:
    async with stage(tmp_path, always(status, b"", {"retry-after": "3"})) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), counts.retried, counts.dead_lettered) == (5, 4, 1)
        assert broker.naps.seconds == [0.4, 0.8, 1.6, 3.2]  # Retry-After is not looked at
        assert broker.sink.seen[0].headers["ce-knativeerrorcode"] == str(status)


async def test_a_linear_backoff_grows_by_its_delay(tmp_path: Path) -> None:
    async with stage(tmp_path, always(503), delivery=delivery(None, backoff_policy="linear")) as broker:
        await broker.send()
        await broker.settled()
        assert broker.naps.seconds == pytest.approx([0.2, 0.4, 0.6, 0.8])


async def test_an_error_answer_with_an_event_is_no_reply_but_error_data(tmp_path: Path) -> None:
    async with stage(tmp_path, always(500, STRUCTURED, STRUCTURED_TYPE)) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (counts.replied, counts.dead_lettered) == (0, 1)
        assert base64.b64decode(broker.sink.seen[0].headers["ce-knativeerrordata"]) == STRUCTURED


async def test_an_address_nobody_listens_at_is_retried_and_dead_lettered_without_a_code(
    tmp_path: Path,
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and never listens: the connection is refused
        async with stage(tmp_path, subscriber_url=f"http://127.0.0.1:{deaf.getsockname()[1]}/") as broker:
            await broker.send()
            counts = await broker.settled()
            assert (counts.retried, counts.dead_lettered) == (4, 1)
            assert "ce-knativeerrorcode" not in broker.sink.seen[0].headers


async def test_a_closed_connection_is_retried(tmp_path: Path) -> None:
    async with stage(tmp_path, in_turn(hang_up, hang_up, no_content)) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), counts.retried, counts.delivered) == (3, 2, 1)


async def test_an_answer_that_is_not_http_is_retried(tmp_path: Path) -> None:
    async with stage(tmp_path, in_turn(babble, no_content)) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), counts.retried, counts.delivered) == (2, 1, 1)


@pytest.mark.parametrize("answer", [silence, endless])
async def test_an_answer_that_is_not_complete_in_time_is_retried(answer: Answer, tmp_path: Path) -> None:
    hasty = delivery(None, retry=1, timeout_seconds=0.1)
    async with stage(tmp_path, answer, delivery=hasty) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), counts.retried, counts.dropped) == (2, 1, 1)


async def test_without_a_dead_letter_sink_the_event_is_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(tmp_path, always(503), delivery=delivery(None, retry=0)) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), counts.dropped, counts.dead_lettered) == (1, 1, 0)
    assert "trigger=shop/t event='/shop 1' dropped: there is no dead letter sink" in caplog.text


async def test_a_dead_letter_sink_that_fails_is_retried_by_the_same_policy_and_then_the_event_is_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(tmp_path, always(400), sink=always(500)) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (len(broker.function.seen), len(broker.sink.seen)) == (1, 5)
        assert broker.naps.seconds == [0.4, 0.8, 1.6, 3.2]
        assert (counts.dropped, counts.dead_lettered) == (1, 0)
    assert "trigger=shop/t event='/shop 1' dropped: the dead letter sink did not take it" in caplog.text


async def test_the_reply_of_a_dead_letter_sink_is_a_reply(tmp_path: Path) -> None:
    poisoned = in_turn(always(400), no_content)
    async with stage(tmp_path, poisoned, sink=always(200, b"{}", REPLY)) as broker:
        await broker.send()
        counts = await broker.settled()
        assert (counts.replied, counts.dead_lettered, counts.delivered) == (1, 1, 1)


async def test_every_failed_attempt_is_one_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with stage(tmp_path, in_turn(always(503), no_content)) as broker:
        await broker.send()
        await broker.settled()
    (line,) = [record.getMessage() for record in caplog.records if "attempt=" in record.getMessage()]
    assert "trigger=shop/t event='/shop 1'" in line
    assert "failed='HTTP 503' attempt=1/5 next_in=0.4s" in line
