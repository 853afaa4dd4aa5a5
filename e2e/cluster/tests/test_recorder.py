from __future__ import annotations

from e2e.cluster.recorder import record


def test_an_event_in_binary_mode_keeps_its_attributes_and_data() -> None:
    headers = {"ce-id": "1", "ce-knativeerrorcode": "400", "content-type": "application/json", "host": "x"}

    assert record(headers, b'{"no": "task"}') == {
        "attributes": {"id": "1", "knativeerrorcode": "400"},
        "data": {"no": "task"},
    }


def test_an_event_in_structured_mode_is_recorded_alike() -> None:
    headers = {"content-type": "application/cloudevents+json; charset=utf-8"}

    told = record(headers, b'{"id": "1", "type": "t", "data": {"a": 1}}')

    assert told == {"attributes": {"id": "1", "type": "t"}, "data": {"a": 1}}


def test_data_that_are_no_json_stay_text() -> None:
    assert record({"ce-id": "1"}, b"\xffhello")["data"] == "\ufffdhello"
