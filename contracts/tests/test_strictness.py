"""What the SDK lets through and the wrapper refuses: one test per case."""

from __future__ import annotations

import subprocess
import sys

import pytest

from task_events import Envelope, MalformedEvent, from_http, to_binary, to_structured

from .factories import make_event, make_headers, make_structured

STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_specversion"])
@pytest.mark.parametrize("value", [None, ""])
def test_1_a_missing_required_header_is_not_invented(name: str, value: str | None) -> None:
    with pytest.raises(MalformedEvent, match=name.removeprefix("ce_")):
        from_http(make_headers(**{name: value}), b"{}")


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_1_a_missing_required_key_is_not_invented(name: str) -> None:
    with pytest.raises(MalformedEvent, match=name):
        from_http(STRUCTURED, make_structured(**{name: ...}))


def test_1_a_missing_time_is_no_time() -> None:
    assert from_http(make_headers(), b"{}").time is None


def test_2_the_content_type_decides_the_mode_not_a_stray_header() -> None:
    assert from_http(STRUCTURED | {"ce-x": "1"}, make_structured()).id == "1"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"text"', b"null", b"1", b"\xff", b'{"a": NaN}', b'{"a":"\\u0000"}']
)
def test_3_data_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        from_http(make_headers(), body)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (make_headers(ce_time="yesterday"), b"{}"),
        (make_headers(ce_specversion="0.3"), b"{}"),
        (make_headers(content_type="text/plain"), b"x"),
        (make_headers(content_type="application/cloudevents-batch+json"), b"[]"),
        (make_headers(), b"[" * 100_000),
        (STRUCTURED, b"[]"),
        (STRUCTURED, b"\xff\xfe"),
        (STRUCTURED, b"{" * 100_000),
        (STRUCTURED, make_structured(time="yesterday")),
        (STRUCTURED, make_structured(time=5)),
        (STRUCTURED, make_structured(id=["x"])),
        (STRUCTURED, make_structured(data_base64="AA==")),
        ({}, b""),
    ],
)
def test_4_every_fault_is_one_kind_of_error_and_answers_400(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(MalformedEvent) as caught:
        from_http(headers, body)

    assert caught.value.status == 400


def test_5_data_is_written_as_json_never_as_python() -> None:
    body = to_binary(make_event(notes=None)).body

    assert b'"notes":null' in body
    assert b"None" not in body + to_structured(make_event()).body


def test_6_the_content_type_is_always_set() -> None:
    assert to_binary(make_event()).headers["content-type"] == "application/json"
    assert to_structured(make_event()).headers["content-type"] == "application/cloudevents+json"


def test_7_extension_values_are_canonical_text() -> None:
    event = from_http(STRUCTURED, make_structured(flag=True, count=3, gone=None))

    assert event.extensions == {"flag": "true", "count": "3"}


@pytest.mark.parametrize("value", [{"a": 1}, [1], 1.5, 2**31])
def test_7_an_extension_that_is_no_cloudevents_value_is_refused(value: object) -> None:
    with pytest.raises(MalformedEvent, match="tenant"):
        from_http(STRUCTURED, make_structured(tenant=value))


@pytest.mark.parametrize("name", ["tenant\n", "a_b", "A-b", "naïve"])
def test_7_an_extension_name_has_only_letters_and_digits(name: str) -> None:
    with pytest.raises(MalformedEvent, match="name"):
        from_http(STRUCTURED, make_structured(**{name: "x"}))


@pytest.mark.parametrize("value", ["a%0d%0ab", "a\x7f"])
def test_7_an_attribute_holds_no_control_character(value: str) -> None:
    with pytest.raises(MalformedEvent, match="control"):
        from_http(make_headers(ce_tenant=value), b"{}")


def test_7_a_source_is_a_uri() -> None:
    with pytest.raises(MalformedEvent, match="source"):
        from_http(make_headers(ce_source="not a uri"), b"{}")


@pytest.mark.parametrize(
    "time",
    [
        "2026-W06-2T10:00:00Z",
        "2026-02-03",
        "2026-02-03T10:00Z",
        "2026-02-03T10:00:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_7_a_time_is_rfc_3339_with_a_zone(time: str) -> None:
    with pytest.raises(MalformedEvent):
        from_http(make_headers(ce_time=time), b"{}")


def test_8_the_callers_headers_stay_as_they_were_and_equal_events_are_equal() -> None:
    headers = make_headers()
    before = dict(headers)

    assert from_http(headers, b"{}") == from_http(headers, b"{}")
    assert headers == before


def test_9_data_is_always_bytes() -> None:
    both: list[Envelope] = [from_http(make_headers(), b'{"a":1}'), from_http(STRUCTURED, make_structured())]

    assert [event.data for event in both] == [b'{"a":1}', b'{"a":1}']


def test_the_import_loads_no_web_framework() -> None:
    code = "import sys, task_events; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"pydantic", "fastapi", "starlette", "uvicorn", "aiohttp", "httpx"} & set(loaded.split())
