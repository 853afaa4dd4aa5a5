"""A CloudEvent as the broker keeps it: context attributes as strings, data as the bytes that came."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from knative_local.broker.errors import MalformedEventError

REQUIRED = ("specversion", "id", "source", "type")
OPTIONAL = ("datacontenttype", "dataschema", "subject", "time")
CORE = frozenset((*REQUIRED, *OPTIONAL))

LARGEST_RECORD = 1024 * 1024
"""Bytes: Kafka's `max.request.size` as Knative ships it, attributes and overhead included."""

_RECORD_OVERHEAD = 128
_NAME = re.compile(r"[a-z0-9]+")
# What the specification's String type excludes: control characters, lone surrogates, noncharacters.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_URI_REFERENCE = re.compile(r'[^\s<>"{}|\\^`]+')
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class Event(msgspec.Struct, frozen=True):
    """`attributes` holds everything but the data, `datacontenttype` included, under lower-case names."""

    attributes: dict[str, str]
    data: bytes | None = None

    @property
    def name(self) -> str:
        """What logs call it: source and id together are what makes an event unique."""
        return f"{self.attributes['source']} {self.attributes['id']}"

    @property
    def key(self) -> str | None:
        return self.attributes.get("partitionkey")

    @property
    def size(self) -> int:
        """About what the event takes as a Kafka record."""
        names_and_values = sum(len(name) + len(value) + 8 for name, value in self.attributes.items())
        return _RECORD_OVERHEAD + names_and_values + len(self.data or b"")

    def extended(self, extensions: Mapping[str, str]) -> Event:
        return Event({**self.attributes, **extensions}, self.data)


def checked(attributes: dict[str, str], data: bytes | None) -> Event:
    """An Event, or `MalformedEventError`.

    Stricter than Knative's receiver, which takes an empty id, type or source and specversion 0.3
    (measured) and leaves the trouble to the subscriber.
    """
    for name, value in attributes.items():
        _check_attribute(name, value)
    for name in REQUIRED:
        if not attributes.get(name):
            raise MalformedEventError(f"the required attribute {name} is missing or empty")
    _check_core(attributes)
    return Event(attributes, data)


def is_extension(name: str, value: str) -> bool:
    """Whether an event may carry it: name and value are legal and no core attribute is called so."""
    return name not in CORE and _is_name(name) and not _FORBIDDEN.search(value)


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name != "data"


def _check_attribute(name: str, value: str) -> None:
    if not _is_name(name):
        raise MalformedEventError(
            f"{name!r} is not an attribute name: a-z and 0-9 may be used, `data` is taken"
        )
    if _FORBIDDEN.search(value):
        raise MalformedEventError(f"the attribute {name} has a character that attributes may not have")


def _check_core(attributes: Mapping[str, str]) -> None:
    if attributes["specversion"] != "1.0":
        raise MalformedEventError("only specversion 1.0 is supported")
    for name in ("source", "dataschema"):
        if name in attributes and not _URI_REFERENCE.fullmatch(attributes[name]):
            raise MalformedEventError(f"{name} is not a URI")
    if attributes.get("subject") == "":
        raise MalformedEventError("subject is empty")
    if "time" in attributes and not _is_rfc3339(attributes["time"]):
        raise MalformedEventError("time is not an RFC 3339 timestamp")


def _is_rfc3339(text: str) -> bool:
    if not _RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True
