"""HTTP/1.1 for one small application, on httptools.

Ours because a general server costs this function a sixth of its cold start and a quarter of its throughput
(measured with uvicorn 0.54), and because it would still have to be taught the limits below: how large and how
slow a request may be.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast

import httptools

# What the broker itself takes at most (max.request.size), and twice the headers its receiver takes.
MOST_BODY_BYTES = 2**20
MOST_HEADER_BYTES = 16 * 2**10
# More of a body that is too large is not even read to its end.
MOST_BYTES = 16 * 2**20
LINGER_SECONDS = 2.0

# The only headers anybody here reads: the rest is not even decoded.
_READ = (b"ce-", b"content-type", b"expect")

_REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Request(NamedTuple):
    """Header names are lower case. `fault` is the status for a request that was not taken in whole, or 0."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    fault: int = 0


class Answer(NamedTuple):
    """A body is JSON."""

    status: int
    body: bytes = b""
    headers: tuple[str, ...] = ()


Respond = Callable[[Request], Awaitable[Answer]]


class HttpProtocol(asyncio.Protocol):
    """One connection. Pipelined requests are answered one at a time, in the order they came."""

    def __init__(self, respond: Respond, connections: set[HttpProtocol]) -> None:
        self._respond = respond
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._requests: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._last = False
        self._refused = False
        self._receiving_since = 0.0
        self._taken = 0
        self.on_message_begin()

    @property
    def receiving(self) -> bool:
        """Whether a request has begun and not ended."""
        return bool(self._receiving_since)

    def shut_down(self) -> None:
        """Answer what was received or is being received, then close."""
        self._last = True
        if not self._task and not self.receiving:
            self._transport.close()

    def refuse_if_slow(self, seconds: float) -> None:
        """A sender that takes longer for one request must not hold the connection (slowloris)."""
        if self.receiving and self._loop.time() - self._receiving_since > seconds:
            self._refuse(408)

    # --- called by the transport ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast because uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not self.receiving:
            self._receiving_since = self._loop.time()
        self._taken += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(400)
            return
        if self._taken > (MOST_BYTES if self._headers_complete else MOST_HEADER_BYTES):
            self._refuse(413 if self._headers_complete else 431)

    # --- called by the parser ---

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._headers_complete = False
        self._body = bytearray()
        self._fault = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, raw_name: bytes, value: bytes) -> None:
        name = _name_of(raw_name)
        if not name or self._headers_complete:
            return  # nobody's concern, or a trailer
        if name in self._headers:
            self._fault = 400  # two answers to one question
        self._headers[name] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._headers_complete = True
        if not self._task and self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if len(self._body) + len(body) > MOST_BODY_BYTES:
            self._fault = 413
            self._body.clear()
        if not self._fault:
            self._body += body

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return  # the parser raises next
        method = self._parser.get_method().decode()
        path = self._url.partition(b"?")[0].decode("latin-1")
        keep_alive = self._parser.should_keep_alive() and self._parser.get_http_version() != "1.0"
        self._receiving_since = 0.0
        self._taken = 0
        self._take(Request(method, path, self._headers, bytes(self._body), self._fault), keep_alive)

    # --- answering ---

    def _refuse(self, status: int) -> None:
        """Nothing that follows on this connection is listened to."""
        self._refused = True
        self._receiving_since = 0.0
        self._take(Request("", "", {}, b"", status), keep_alive=False)

    def _take(self, request: Request, keep_alive: bool) -> None:
        self._requests.append((request, keep_alive))
        if self._task:
            self._transport.pause_reading()  # until the sender has its answers
        else:
            self._task = self._loop.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        while self._requests:
            request, keep_alive = self._requests.popleft()
            answer = await self._respond(request)
            keep_alive = keep_alive and not self._last
            self._transport.write(_wire(answer, request.method, keep_alive))
            if not keep_alive:
                self._end()
                return
        self._task = None
        self._transport.resume_reading()

    def _end(self) -> None:
        if not self._refused or self._transport.is_closing():
            self._transport.close()
            return
        # Closing while the sender still sends would reset the connection, and the answer with it.
        self._task = None
        self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LINGER_SECONDS, self._transport.abort)


@functools.lru_cache(maxsize=256)  # senders repeat themselves
def _name_of(raw: bytes) -> str:
    """Empty for a header nobody reads."""
    name = raw.lower()
    return name.decode("latin-1") if name.startswith(_READ) else ""


_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def _wire(answer: Answer, method: str, keep_alive: bool) -> bytes:
    if answer.status == 204 and keep_alive:
        return _NO_CONTENT
    lines = [f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}", *answer.headers]
    if answer.status != 204:
        lines.append(f"content-length: {len(answer.body)}")
    if answer.body:
        lines.append("content-type: application/problem+json")
    if not keep_alive:
        lines.append("connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if method == "HEAD" else head + answer.body
