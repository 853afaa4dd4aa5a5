"""The HTTP door: events in for Brokers and sinks, the process's status out.

A Broker is at ``/<namespace>/<name>`` as in Knative, a KafkaSink at ``/sinks/<namespace>/<name>``: on a
cluster these are two hosts, so their names may be equal. Answers are those of Knative's receiver as
measured, except that a refusal says why (problem+json instead of an empty body).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

import msgspec
from aiohttp import web

from knative_local.broker.errors import (
    BrokerError,
    HeadersTooLargeError,
    RecordTooLargeError,
    UnknownPathError,
    WrongMethodError,
)
from knative_local.broker.event import LARGEST_RECORD, Event
from knative_local.broker.http_binding import parse, to_binary
from knative_local.broker.log import Log
from knative_local.broker.status import Status
from knative_local.contract import Contract

_LARGEST_HEADERS = 8192
# A dead letter carries up to 2 KiB more than the event it was: what the Broker took must fit its sink.
_LARGEST_SINK_HEADERS = 16384

logger = logging.getLogger(__name__)


class _Door(msgspec.Struct, frozen=True):
    topic: str
    largest_headers: int


class Ingress:
    def __init__(self, contract: Contract, log: Log, status: Callable[[], Status]) -> None:
        self._log = log
        self._status = status
        self._doors = {
            f"/{broker.namespace}/{broker.name}": _Door(broker.topic, _LARGEST_HEADERS)
            for broker in contract.brokers
        } | {
            f"/sinks/{sink.namespace}/{sink.name}": _Door(sink.topic, _LARGEST_SINK_HEADERS)
            for sink in contract.sinks
        }

    async def handle(self, request: web.Request) -> web.Response:
        try:
            if request.method == "POST":
                await self._take(request)
                return web.Response(status=HTTPStatus.ACCEPTED)
            return self._answer(request)
        except BrokerError as error:
            logger.warning("path=%r refused=%d why=%r", request.path, error.status, str(error))
            return _problem(error)

    def _answer(self, request: web.Request) -> web.Response:
        """405 wins over 404, as in Knative; its control plane asks with GET whether a path is known."""
        if request.method != "GET":
            raise WrongMethodError(f"{request.method} is not supported here: POST one event")
        if request.path == "/status":
            return web.Response(body=msgspec.json.encode(self._status()), content_type="application/json")
        if request.headers.get("K-Network-Probe") != "probe":
            raise WrongMethodError("GET is not supported here: POST one event")
        self._door(request)
        return web.Response(headers={"K-Network-Hash": request.headers.get("K-Network-Hash", "")})

    async def _take(self, request: web.Request) -> None:
        """Return when the event is on disk."""
        door = self._door(request)
        _check_headers(sum(len(name) + len(value) + 4 for name, value in request.raw_headers), door)
        event = parse(request.headers, await _body(request))
        _check_headers(_header_size(event), door)
        if event.size > LARGEST_RECORD:
            raise RecordTooLargeError(
                f"the event takes more than {LARGEST_RECORD} bytes: Kafka would refuse it"
            )
        await self._log.append(door.topic, event)

    def _door(self, request: web.Request) -> _Door:
        path = request.path.rstrip("/")
        if path not in self._doors:
            raise UnknownPathError(f"{path or '/'} is not here; there are: {', '.join(self._doors)}")
        return self._doors[path]


def _check_headers(size: int, door: _Door) -> None:
    if size > door.largest_headers:
        raise HeadersTooLargeError(f"the headers take more than {door.largest_headers} bytes")


def _header_size(event: Event) -> int:
    """What a structured event's attributes take once they are headers again."""
    return sum(len(name) + len(value) + 4 for name, value in to_binary(event))


async def _body(request: web.Request) -> bytes:
    """Read no further than a record can be: the size may be a lie or missing."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > LARGEST_RECORD * 2:
            raise RecordTooLargeError(
                f"the body takes more than {LARGEST_RECORD} bytes: Kafka would refuse it"
            )
    return bytes(body)


def _problem(error: BrokerError) -> web.Response:
    body = {"type": "about:blank", "title": error.title, "status": error.status, "detail": str(error)}
    return web.Response(
        status=error.status, body=msgspec.json.encode(body), content_type="application/problem+json"
    )
