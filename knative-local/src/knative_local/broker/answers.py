"""What a subscriber's answer means: the table of Knative's Kafka dispatcher, as measured."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from knative_local.broker.errors import MalformedEventError
from knative_local.broker.event import LARGEST_RECORD, Event
from knative_local.broker.http_binding import parse

_RETRIED = frozenset((404, 408, 409, 429))
ERROR_DATA = 1024  # bytes of an error answer that a dead letter shows


class Accepted(msgspec.Struct, frozen=True):
    """Done, and `reply`, if any, goes back to the Broker."""

    reply: Event | None = None


class Failed(msgspec.Struct, frozen=True):
    """`code` and `body` are kept only of an answer of 300 or more: that is what dead letters show of it."""

    reason: str
    retry: bool
    code: int | None = None
    body: bytes = b""
    extensions: dict[str, str] = {}


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Accepted | Failed:
    """Redirects are not followed: Knative follows a 303, as a GET that then counts as delivered."""
    if status < 300:
        return _success(status, headers, body)
    retry = status >= 500 or status in _RETRIED
    return Failed(f"HTTP {status}", retry, status, body[:ERROR_DATA], _added(headers))


def _success(status: int, headers: Mapping[str, str], body: bytes) -> Accepted | Failed:
    """A body that is no event is a failure for good, whatever the subscriber meant by it."""
    try:
        reply = parse(headers, body)
    except MalformedEventError as error:
        if not body:
            return Accepted()
        return Failed(f"HTTP {status} with a body that is not a CloudEvent ({error})", retry=False)
    if reply.size > LARGEST_RECORD:
        return Failed(f"HTTP {status} with a reply over {LARGEST_RECORD} bytes", retry=False)
    return Accepted(reply)


def _added(headers: Mapping[str, str]) -> dict[str, str]:
    """Answer headers `kne-<name>`: extensions of the dead letter as far as their names are legal."""
    lower = ((name.lower(), value) for name, value in headers.items())
    return {name[4:]: value for name, value in lower if name.startswith("kne-")}
