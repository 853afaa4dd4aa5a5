"""A closed-loop HTTP/1.1 client that costs little: prepared bytes, keep-alive, uvloop.

Run as a process of its own (`python -m bench.load`), because a client in the measuring process would share
its interpreter lock with the baseline.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

END_OF_HEADERS = b"\r\n\r\n"
CONTENT_LENGTH = b"content-length:"


class Plan(msgspec.Struct, frozen=True):
    """`bodies` are sent in turn, each once per round; `seconds` bounds the time, `requests` the number."""

    url: str
    clients: int
    method: str = "GET"
    headers: dict[str, str] = {}
    bodies: tuple[str, ...] = ("",)
    head_lines: tuple[str, ...] = ()  # further header lines per request, as many as bodies
    seconds: float = 3600.0
    requests: int | None = None
    expect: int = 200
    pause: float = 0.0  # seconds between an answer and the client's next request


class Result(msgspec.Struct, frozen=True):
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def prepared(plan: Plan) -> list[bytes]:
    url = urlsplit(plan.url)
    target = url.path + (f"?{url.query}" if url.query else "")
    common = [f"{plan.method} {target} HTTP/1.1", f"host: {url.netloc}"]
    common += [f"{name}: {value}" for name, value in plan.headers.items()]
    extra = plan.head_lines or ("",) * len(plan.bodies)
    return [_request(common, more, body.encode()) for more, body in zip(extra, plan.bodies, strict=True)]


def _request(common: Sequence[str], more: str, body: bytes) -> bytes:
    lines = [*common, *more.splitlines(), *([f"content-length: {len(body)}"] if body else [])]
    return "\r\n".join(lines).encode() + END_OF_HEADERS + body


@dataclass
class _Queue:
    """The requests still to send, shared by all clients."""

    requests: list[bytes]
    left: int
    deadline: float
    position: int = 0

    def take(self) -> bytes | None:
        if self.left == 0 or time.perf_counter() > self.deadline:
            return None
        self.left -= 1
        self.position += 1
        return self.requests[self.position % len(self.requests)]


class _Client(asyncio.Protocol):
    """One connection: the next request leaves when the last answer is complete."""

    def __init__(self, queue: _Queue, plan: Plan, done: asyncio.Future[None]) -> None:
        self.latencies: list[float] = []
        self.done = done
        self._queue, self._pause = queue, plan.pause
        self._expect = f"HTTP/1.1 {plan.expect}".encode()
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(END_OF_HEADERS)
        if head < 0 or len(self._buffer) < head + 4 + _content_length(self._buffer[:head]):
            return
        self.latencies.append(time.perf_counter() - self._sent)
        if not self._buffer.startswith(self._expect):
            self.done.set_exception(AssertionError(bytes(self._buffer[:500]).decode()))
            self._transport.close()
            return
        self._buffer.clear()
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._send)
        else:
            self._send()

    def _send(self) -> None:
        request = self._queue.take()
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


def _content_length(head: bytearray) -> int:
    lower = bytes(head).lower()
    start = lower.find(CONTENT_LENGTH)
    if start < 0:
        return 0
    end = lower.find(b"\r", start)
    return int(lower[start + len(CONTENT_LENGTH) : end if end > 0 else None])


def _same(client: _Client) -> _Client:
    return client


async def run(plan: Plan) -> Result:
    """Raise AssertionError with the answer when one has another status than expected."""
    url = urlsplit(plan.url)
    loop = asyncio.get_running_loop()
    left = plan.requests if plan.requests is not None else sys.maxsize
    requests = prepared(plan)
    start = time.perf_counter()
    queue = _Queue(requests, left, start + plan.seconds)
    clients = [_Client(queue, plan, loop.create_future()) for _ in range(plan.clients)]
    for client in clients:
        await loop.create_connection(partial(_same, client), url.hostname or "", url.port or 80)
    await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - start
    return Result(seconds, [latency for client in clients for latency in client.latencies])


def main() -> None:
    """Read a plan from standard input, write the result to standard output."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    result = uvloop.run(run(plan))
    json.dump(msgspec.to_builtins(result), sys.stdout)


if __name__ == "__main__":
    main()
