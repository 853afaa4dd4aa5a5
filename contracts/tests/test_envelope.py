from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from task_events import (
    EVENT_TYPES,
    EventType,
    HttpMessage,
    MalformedEvent,
    TaskEvent,
    from_http,
    task_event,
    to_binary,
    to_structured,
)
from task_events.envelope import _attributes

from .factories import EVENT_ID, make_event, make_headers

SCHEMAS = Path(__file__).parents[1] / "schemas"


@pytest.mark.parametrize("encode", [to_binary, to_structured])
@pytest.mark.parametrize("event_type", list(EventType))
def test_an_event_survives_the_way_there_and_back(
    encode: Callable[[TaskEvent], HttpMessage], event_type: EventType
) -> None:
    event = make_event(event_type, user_id="ülrike b", title="Käse\n\\u0000 kaufen", version=7)

    assert task_event(from_http(*encode(event))) == event


def test_the_data_is_exactly_what_the_design_shows() -> None:
    body = json.loads(to_binary(make_event()).body)

    assert list(body) == ["event_id", "event_type", "timestamp", "user_id", "payload"]
    assert body["timestamp"] == "2026-02-03T10:00:00Z"
    assert list(body["payload"])[:3] == ["task_id", "title", "completed"]


def test_the_attributes_order_and_partition_a_task() -> None:
    headers = to_binary(make_event(task_id=42, version=7)).headers

    assert headers["ce-id"] == str(EVENT_ID)
    assert headers["ce-subject"] == "tasks/42"
    assert headers["ce-partitionkey"] == "42"
    assert headers["ce-sequence"] == "00000000000000000007"
    assert headers["ce-dataschema"] == "urn:task-events:task.created:1"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("user_id", ["alice", "ülrike\r\nx", "".join(map(chr, range(1, 256)))])
@pytest.mark.parametrize("traceparent", [None, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"])
def test_the_binary_mode_is_the_sdks(user_id: str, traceparent: str | None) -> None:
    event = msgspec.structs.replace(make_event(user_id=user_id), traceparent=traceparent)
    sdk = http.to_binary(CloudEvent(_attributes(event), msgspec.json.encode(event.data)), JSONFormat())
    assert to_binary(event) == (sdk.headers, sdk.body)


def test_header_values_are_ascii_for_any_user() -> None:
    headers = to_binary(make_event(user_id="ülrike\r\nx")).headers

    assert all(value.isascii() and value.isprintable() for value in headers.values())


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_data_fits_the_committed_schema(event_type: str) -> None:
    schema = json.loads((SCHEMAS / f"{event_type}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(json.loads(to_binary(make_event(EventType(event_type))).body), schema)


def test_an_unknown_type_is_no_task_event() -> None:
    assert task_event(from_http(make_headers(ce_type="task.archived"), b"{}")) is None


def test_unknown_parts_of_a_newer_payload_are_ignored() -> None:
    message = to_binary(make_event())
    newer = json.loads(message.body) | {"tenant": "t"}
    newer["payload"]["colour"] = "red"

    assert task_event(from_http(message.headers, json.dumps(newer).encode())) == make_event()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ce-id": "another"}, "id"),
        ({"ce-type": "task.deleted"}, "type"),
        ({"ce-subject": "tasks/2"}, "subject"),
        ({"ce-sequence": "x"}, "sequence"),
        ({"ce-sequence": "²"}, "sequence"),
        ({"ce-sequence": "0"}, "version"),
        ({"ce-sequence": "99999999999999999999"}, "version"),
    ],
)
def test_an_envelope_that_contradicts_its_data_is_refused(change: dict[str, str], fault: str) -> None:
    message = to_binary(make_event())

    with pytest.raises(MalformedEvent, match=fault):
        task_event(from_http(message.headers | change, message.body))


def test_an_event_without_a_sequence_is_refused() -> None:
    headers, body = to_binary(make_event())
    del headers["ce-sequence"]

    with pytest.raises(MalformedEvent, match="sequence"):
        task_event(from_http(headers, body))


@pytest.mark.parametrize(
    "payload",
    [
        {"task_id": 0},
        {"task_id": 2**63},
        {"task_id": "1"},
        {"title": ""},
        {"title": None},
        {"completed": 1},
        {"priority": 6},
        {"due_at": "2026-02-03T10:00:00"},
        {"due_at": "0001-01-01T00:00:00+14:00"},
        {"notes": "a\0b"},
    ],
)
def test_data_that_does_not_fit_its_type_is_refused(payload: dict[str, object]) -> None:
    message = to_binary(make_event())
    body = json.loads(message.body)
    body["payload"] |= payload

    with pytest.raises(MalformedEvent):
        task_event(from_http(message.headers, json.dumps(body).encode()))
