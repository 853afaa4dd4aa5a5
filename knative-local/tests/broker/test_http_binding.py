from __future__ import annotations

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from knative_local.broker.errors import MalformedEventError
from knative_local.broker.event import Event
from knative_local.broker.http_binding import parse, to_binary

from .system import binary

REQUIRED: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}


def headers(**attributes: str) -> CIMultiDict[str]:
    return CIMultiDict(binary(**attributes))


def structured(**members: Any) -> Event:
    body = json.dumps({**REQUIRED, **members}).encode()
    return parse(CIMultiDict({"Content-Type": "application/cloudevents+json; charset=utf-8"}), body)


def test_a_binary_event_keeps_its_bytes_and_its_extensions_as_text() -> None:
    given = headers(sequence="0007", partitionkey="k", traceparent="00-a-b-01")
    given["Content-Type"] = "application/json; charset=utf-8"
    given["Authorization"] = "Bearer secret"
    given["Traceparent"] = "00-c-d-01"
    event = parse(given, b'{"a":  1}')
    assert event.data == b'{"a":  1}'
    assert event.attributes == {
        **REQUIRED,
        "sequence": "0007",
        "partitionkey": "k",
        "traceparent": "00-a-b-01",
        "datacontenttype": "application/json; charset=utf-8",
    }


def test_header_names_may_be_in_any_case() -> None:
    shouted = CIMultiDict({name.upper(): value for name, value in binary(tenant="a").items()})
    assert parse(shouted, b"").attributes == {**REQUIRED, "tenant": "a"}


def test_header_values_are_not_percent_decoded() -> None:
    assert parse(headers(tenant="a%20b"), b"").attributes["tenant"] == "a%20b"


def test_a_body_that_does_not_fit_its_content_type_is_not_looked_at() -> None:
    given = headers()
    given["Content-Type"] = "application/json"
    assert parse(given, b"not json").data == b"not json"


def test_no_body_is_no_data() -> None:
    assert parse(headers(), b"").data is None


def test_structured_data_keep_their_own_bytes() -> None:
    body = (
        b'{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","data": {"b" : 1,\n "a":[ ]} }'
    )
    event = parse(CIMultiDict({"content-type": "application/cloudevents+json"}), body)
    assert event.data == b'{"b" : 1,\n "a":[ ]}'
    assert event.attributes["datacontenttype"] == "application/json"


def test_structured_extensions_become_text() -> None:
    event = structured(number=7, yes=True, no=False, absent=None, text="0007")
    assert event.attributes == {
        **REQUIRED,
        "number": "7",
        "yes": "true",
        "no": "false",
        "text": "0007",
    }


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({"data": "plain"}, b'"plain"'),
        ({"data": "plain", "datacontenttype": "text/plain"}, b"plain"),
        ({"data": "x", "datacontenttype": "application/vnd.a+json; v=1"}, b'"x"'),
        ({"data": {"a": 1}, "datacontenttype": "text/plain"}, b'{"a": 1}'),
        ({"data": None}, None),
        ({}, None),
        ({"data_base64": "AAH/"}, b"\x00\x01\xff"),
        ({"data_base64": "AAH/", "data": None}, None),
    ],
)
def test_structured_data_by_content_type(members: dict[str, Any], data: bytes | None) -> None:
    if "data" in members and "data_base64" in members:
        with pytest.raises(MalformedEventError, match="exclude each other"):
            structured(**members)
    else:
        assert structured(**members).data == data


def test_a_structured_event_with_a_stray_ce_header_is_a_structured_event() -> None:
    given = CIMultiDict({"content-type": "application/cloudevents+json", "ce-id": "other"})
    assert parse(given, json.dumps(REQUIRED).encode()).attributes["id"] == "1"


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_required_attribute_that_is_missing_or_empty_is_named(name: str) -> None:
    with pytest.raises(MalformedEventError, match=f"attribute {name} is missing"):
        parse(headers(**{name: ""}), b"")
    with pytest.raises(MalformedEventError, match=f"attribute {name} is missing"):
        structured(**{name: ""})
    with pytest.raises(MalformedEventError, match=f"attribute {name} is missing"):
        structured(**{name: None})


@pytest.mark.parametrize(
    "attributes",
    [
        {"specversion": "0.3"},
        {"specversion": "9.9"},
        {"time": "yesterday"},
        {"time": "2026-02-03T10:00:00"},
        {"time": "2026-02-30T10:00:00Z"},
        {"time": "2026-W06-2T10:00:00Z"},
        {"source": "/a b"},
        {"dataschema": "<urn>"},
        {"under_score": "x"},
        {"data": "x"},
        {"datacontenttype": "text/plain"},
        {"tenant": "a\x01b"},
        {"tenant": "\udcff"},
    ],
    ids=repr,
)
def test_a_malformed_binary_event_is_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(MalformedEventError):
        parse(headers(**attributes), b"{}")


def test_a_header_that_comes_twice_is_refused() -> None:
    given = headers()
    given.add("CE-ID", "2")
    with pytest.raises(MalformedEventError, match="ce-id is there more than once"):
        parse(given, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"id": }',
        b'{"id": "\xff"}',
        b'{"id": "\\ud800"}',
        b'{"x": ' + b"[" * 100_000,
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data": NaN}',
        b'{"specversion":"1.0","id":1.5,"source":"/s","type":"t"}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","nested":{}}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","Upper":"x"}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"%%%"}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":7}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"AAH/","data":1}',
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","tenant":"a\\nb"}',
    ],
    ids=lambda body: body[:60].decode(errors="replace"),
)
def test_a_malformed_structured_event_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEventError):
        parse(CIMultiDict({"content-type": "application/cloudevents+json"}), body)


@pytest.mark.parametrize(
    "content_type",
    ["application/cloudevents-batch+json", "application/cloudevents+xml", "Application/CloudEvents+avro"],
)
def test_a_batch_or_an_unknown_format_is_refused(content_type: str) -> None:
    with pytest.raises(MalformedEventError, match="is not supported"):
        parse(CIMultiDict({"content-type": content_type}), b"[]")


def test_a_request_without_any_event_is_refused() -> None:
    with pytest.raises(MalformedEventError, match="no ce- headers"):
        parse(CIMultiDict({"content-type": "application/json"}), b"{}")


def test_what_comes_in_binary_goes_out_the_same() -> None:
    given = headers(tenant="a%20b", sequence="0007")
    given["content-type"] = "text/plain"
    assert dict(to_binary(parse(given, b"x"))) == dict(given)


def test_an_event_without_content_type_goes_out_without_one() -> None:
    assert "content-type" not in dict(to_binary(parse(headers(), b"x")))


def test_text_that_headers_cannot_carry_goes_out_percent_encoded() -> None:
    assert dict(to_binary(structured(subject="Grüße 50%")))["ce-subject"] == "Gr%C3%BC%C3%9Fe 50%"
