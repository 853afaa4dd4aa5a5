"""CloudEvents over HTTP: binary and structured mode in, binary mode out (a Trigger delivers nothing else)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from knative_local.broker.errors import MalformedEventError
from knative_local.broker.event import Event, checked

_STRUCTURED = "application/cloudevents+json"
_FORMATS = "application/cloudevents"  # batches, XML and whatever comes after
_UNSENDABLE = re.compile(r"[^\x20-\x7e]")
_JSON_MEDIA_TYPE = re.compile(r"[^;]*[/+]json\s*(;.*)?", re.IGNORECASE)


def parse(headers: Mapping[str, str], body: bytes) -> Event:
    """The content type decides the mode; stray `ce-` headers beside a structured event are ignored.

    `headers` must find names in any case, and its `items` must show a name as often as it was sent.
    """
    content_type = headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == _STRUCTURED:
        return _structured(body)
    if media_type.startswith(_FORMATS):
        raise MalformedEventError(f"{media_type} is not supported: send one event in binary or JSON mode")
    return _binary(headers, content_type, body)


def to_binary(event: Event) -> list[tuple[str, str]]:
    """Headers of the request whose body is `event.data`.

    ASCII goes out as it came in, a percent sign too, as Knative's dispatcher does (measured); what HTTP
    cannot carry is percent-encoded as the specification says.
    """
    return [(_header_of(name), _sendable(value)) for name, value in event.attributes.items()]


def is_json(content_type: str | None) -> bool:
    """Data without a content type is JSON by the specification's default."""
    return content_type is None or _JSON_MEDIA_TYPE.fullmatch(content_type) is not None


def _header_of(name: str) -> str:
    return "content-type" if name == "datacontenttype" else f"ce-{name}"


def _sendable(value: str) -> str:
    return _UNSENDABLE.sub(lambda match: quote(match.group()), value)


def _binary(headers: Mapping[str, str], content_type: str, body: bytes) -> Event:
    attributes: dict[str, str] = {}
    for header, value in headers.items():
        lower = header.lower()
        if lower.startswith("ce-"):
            _add(attributes, lower[3:], value)
    if not attributes:
        raise MalformedEventError("no ce- headers and no application/cloudevents+json body")
    if "datacontenttype" in attributes:
        raise MalformedEventError("ce-datacontenttype is not a header: send Content-Type")
    if content_type:
        attributes["datacontenttype"] = content_type
    return checked(attributes, body or None)


def _add(attributes: dict[str, str], name: str, value: str) -> None:
    if name in attributes:
        raise MalformedEventError(f"the header ce-{name} is there more than once")
    attributes[name] = value


def _structured(body: bytes) -> Event:
    try:
        body.decode()  # msgspec leaves the text inside a Raw unchecked
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        data, encoded = members.pop("data", None), members.pop("data_base64", None)
        values = {name: _attribute(name, raw) for name, raw in members.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEventError(f"the body is not a JSON object: {error}") from error
    attributes = {name: value for name, value in values.items() if value is not None}
    if encoded is None:
        return checked(attributes, _json_data(attributes, data))
    if data is not None:
        raise MalformedEventError("data and data_base64 exclude each other")
    return checked(attributes, _base64_data(encoded))


def _attribute(name: str, raw: msgspec.Raw) -> str | None:
    value = msgspec.json.decode(raw)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise MalformedEventError(f"the attribute {name} is neither text, integer nor boolean")


def _json_data(attributes: dict[str, str], raw: msgspec.Raw | None) -> bytes | None:
    """The JSON value's own bytes (Knative writes it anew); a string of another content type is its text."""
    if raw is None or bytes(raw) == b"null":
        return None
    if not is_json(attributes.setdefault("datacontenttype", "application/json")):
        value = msgspec.json.decode(raw)
        if isinstance(value, str):
            return value.encode()
    return bytes(raw)


def _base64_data(raw: msgspec.Raw) -> bytes:
    try:
        return base64.b64decode(msgspec.json.decode(raw, type=str), validate=True)
    except (msgspec.ValidationError, binascii.Error, ValueError) as error:
        raise MalformedEventError(f"data_base64 is not base64: {error}") from error
