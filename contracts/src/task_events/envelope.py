"""CloudEvents 1.0 over HTTP in both modes, strict where the SDK is not.

`cloudevents` 2.2 invents a missing id, specversion and time, picks the mode by any `ce-` header, hands back
text where JSON was promised, and raises five families of errors. What is refused here, and why, stands in one
test each (`tests/test_strictness.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import quote, unquote

import msgspec
from cloudevents.core.bindings import http
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from task_events.errors import MalformedEvent
from task_events.events import EVENT_TYPES, SOURCE, TaskEvent, TaskEventData

_T = TypeVar("_T")

JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
_STANDARD = frozenset(
    {"id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema"}
)
_REQUIRED = ("id", "source", "type", "specversion")
_NAME = re.compile(r"[a-z0-9]+")
_JSON_TYPE = re.compile(r"(application|text)/([a-z0-9.-]+\+)?json", re.IGNORECASE)
# RFC 3339: the SDK also takes ISO week dates and times without seconds.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
# CloudEvents "Type System": no control characters in attribute values.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# HTTP binding, section 3.1.3.2: in a header everything printable but blank, quote and percent stays as it is.
_PLAIN = re.compile(r"[!#$&-~]*")
_UNQUOTED = "!#$&'()*+,/:;<=>?@[\\]^`{|}"
# Reading 20-digit sequences as text keeps their order; more digits would not fit a bigint anyway.
SEQUENCE_DIGITS = 20


class HttpMessage(NamedTuple):
    """Header names are lower case."""

    headers: dict[str, str]
    body: bytes


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Any CloudEvent; `data` is its JSON as bytes, empty where the event has none."""

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    extensions: dict[str, str] = {}
    data: bytes = b""


class _BytesFormat(JSONFormat):
    """Keeps data as the bytes that came: they are validated once, by msgspec, and never parsed twice."""

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:
        return body


_FORMAT = _BytesFormat()


def to_binary(event: TaskEvent) -> HttpMessage:
    """Attributes as `ce-` headers and the data as body: what the broker stores without touching it.

    Header for header what the SDK writes (a test compares), in a third of its time: a relay does nothing else.
    """
    texts = _attributes(event)
    texts["time"] = texts["time"].isoformat().replace("+00:00", "Z")
    if not _PLAIN.fullmatch("".join(texts.values())):
        texts = {name: quote(text, safe=_UNQUOTED) for name, text in texts.items()}
    headers = {f"ce-{name}": text for name, text in texts.items()}
    headers["content-type"] = headers.pop("ce-datacontenttype")
    return HttpMessage(headers, msgspec.json.encode(event.data))


def to_structured(event: TaskEvent) -> HttpMessage:
    """The whole event as one JSON document."""
    data = msgspec.to_builtins(event.data)
    message = http.to_structured(CloudEvent(_attributes(event), data), _FORMAT)
    return HttpMessage(message.headers, message.body)


def from_http(headers: Mapping[str, str], body: bytes) -> Envelope:
    """Read a request in binary or structured mode; the Content-Type alone decides which.

    Raises:
        MalformedEvent: not a CloudEvent 1.0 with JSON data, or a batch.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    content_type = lower.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == STRUCTURED:
        return _from_structured(body)
    if media_type.startswith("application/cloudevents"):
        raise MalformedEvent(f"Content-Type {media_type!r} is not supported; send one event as {STRUCTURED}")
    return _from_binary(lower, content_type, body)


def task_event(envelope: Envelope) -> TaskEvent | None:
    """Return the task event, or None for a type this contract does not know.

    Raises:
        MalformedEvent: the data does not fit the type or contradicts the envelope.
    """
    if envelope.type not in EVENT_TYPES:
        return None
    data = _decode(envelope.data, TaskEventData, f"the data does not fit {envelope.type}")
    _agree("id", envelope.id, str(data.event_id))
    _agree("type", envelope.type, data.event_type)
    _agree("subject", envelope.subject, f"tasks/{data.payload.task_id}")
    return TaskEvent(
        data=data,
        version=_version(envelope.extensions.get("sequence")),
        traceparent=envelope.extensions.get("traceparent"),
        tracestate=envelope.extensions.get("tracestate"),
    )


def _attributes(event: TaskEvent) -> dict[str, Any]:
    data = event.data
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(data.event_id),
        "source": SOURCE,
        "type": str(data.event_type),
        "subject": f"tasks/{data.payload.task_id}",
        "time": data.timestamp.astimezone(UTC),
        "datacontenttype": JSON,
        "dataschema": f"urn:task-events:{data.event_type}:1",
        "partitionkey": str(data.payload.task_id),
        "sequence": f"{event.version:0{SEQUENCE_DIGITS}d}",
        "userid": data.user_id,
    }
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    if event.tracestate:
        attributes["tracestate"] = event.tracestate
    return attributes


def _from_binary(headers: dict[str, str], content_type: str, body: bytes) -> Envelope:
    texts = {
        name[3:]: unquote(value) if "%" in value else value
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if "datacontenttype" in texts:
        raise MalformedEvent("in binary mode the data's type is the Content-Type, not ce-datacontenttype")
    _check_attributes(texts)
    given: dict[str, Any] = texts | {"datacontenttype": content_type} if content_type else dict(texts)
    if "time" in texts:
        given["time"] = _moment(texts["time"])
    try:
        event = CloudEvent(given, body)
    except (BaseCloudEventException, ValueError) as error:
        _refuse(error)
    return _envelope(event.get_attributes(), "time" in texts, body)


def _from_structured(body: bytes) -> Envelope:
    document = _decode(body, dict[str, msgspec.Raw], "the body is not a CloudEvent in JSON")
    data = bytes(document.pop("data", b""))
    if "data_base64" in document:
        raise MalformedEvent("data_base64 is not supported; task events are JSON")
    attributes: dict[str, object] = {
        name: _decode(value, Any, f"attribute {name!r}") for name, value in document.items()
    }
    # A null attribute is an absent one (JSON format, section 2.1).
    texts = {name: _text(name, value) for name, value in attributes.items() if value is not None}
    _check_attributes(texts)
    given = {name: _moment(value) if name == "time" else value for name, value in texts.items()}
    try:
        event = CloudEvent(given, data)
    except (BaseCloudEventException, ValueError) as error:
        _refuse(error)
    return _envelope(event.get_attributes(), "time" in texts, data)


def _text(name: str, value: object) -> str:
    """Canonical text of a CloudEvents value: `true`, not Python's `True`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and -(2**31) <= value < 2**31:
        return str(value)
    raise MalformedEvent(f"attribute {name!r} is neither text, boolean nor a 32-bit integer")


def _moment(value: str) -> datetime:
    """In UTC; a time whose UTC lies before year 1 or after 9999 fits no database."""
    if not _RFC3339.fullmatch(value):
        raise MalformedEvent("attribute 'time' is not a timestamp as RFC 3339 defines it")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        _refuse(error)


def _check_attributes(attributes: Mapping[str, str]) -> None:
    for name in _REQUIRED:
        if not attributes.get(name):
            raise MalformedEvent(f"the required attribute {name!r} is missing or empty")
    if attributes["specversion"] != "1.0":
        raise MalformedEvent(f"specversion {attributes['specversion']!r} is not supported; send 1.0")
    for name, value in attributes.items():
        if not _NAME.fullmatch(name):
            raise MalformedEvent(f"attribute name {name!r} has other characters than a-z and 0-9")
        if _CONTROL.search(value):
            raise MalformedEvent(f"attribute {name!r} holds a control character")
    if "time" in attributes:
        _moment(attributes["time"])
    for name in ("source", "dataschema"):
        if " " in attributes.get(name, ""):
            raise MalformedEvent(f"attribute {name!r} is not a URI")


def _envelope(attributes: Mapping[str, Any], has_time: bool, data: bytes) -> Envelope:
    """`has_time`: the SDK puts the present where the sender said nothing."""
    content_type = attributes.get("datacontenttype")
    if content_type and not _JSON_TYPE.fullmatch(str(content_type).partition(";")[0].strip()):
        raise MalformedEvent(f"data of type {content_type!r} is not JSON")
    if data:
        _check_json_object(data)
    return Envelope(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=attributes.get("subject"),
        time=attributes["time"].astimezone(UTC) if has_time else None,
        datacontenttype=content_type,
        dataschema=attributes.get("dataschema"),
        extensions={name: value for name, value in attributes.items() if name not in _STANDARD},
        data=data,
    )


def _check_json_object(data: bytes) -> None:
    value = _decode(data, dict[str, Any], "the data is not a JSON object")
    if b"\\u0000" in data and _holds_nul(value):
        # PostgreSQL has no NUL in text or jsonb: the event could be redelivered for ever.
        raise MalformedEvent("the data holds a NUL character")


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def _decode(data: bytes | msgspec.Raw, kind: type[_T], fault: str) -> _T:
    """One family of errors where msgspec has three: its own, invalid UTF-8 and nesting without end."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(f"{fault}: {error}") from None


def _agree(what: str, outside: str | None, inside: str) -> None:
    if outside != inside:
        raise MalformedEvent(f"the envelope's {what} {outside!r} is not the data's {inside!r}")


def _version(sequence: str | None) -> int:
    # isdigit() alone would let through digits int() reads but no database sorts.
    if sequence is None or not (
        sequence.isascii() and sequence.isdigit() and len(sequence) <= SEQUENCE_DIGITS
    ):
        raise MalformedEvent(f"the extension 'sequence' is {sequence!r}, not a number of at most 20 digits")
    version = int(sequence)
    if not 1 <= version < 2**63:
        raise MalformedEvent(f"the version {version} is out of range")
    return version


def _refuse(error: Exception) -> NoReturn:
    raise MalformedEvent(f"not a valid CloudEvent: {error}") from None
