"""A broker that accepts everything at once: `python -m bench.stub` prints its URL.

`GET /<count>` answers, once that many events have come, `{"first", "last", "lags"}`: the monotonic times of the
first and the last, and for each how long after its own `ce-time` it came (seconds). `DELETE /` forgets them.
Nobody needs to ask twice: on two cores a reader that polls would be part of the measurement.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import cast

import httptools
import uvloop

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class Tally:
    """`answer` is called with the document when `wanted` events have come."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.arrivals: list[tuple[float, float, str]] = []
        self.wanted = 0
        self.answer: Callable[[bytes], None] | None = None

    def note(self, ce_time: str) -> None:
        self.arrivals.append((time.monotonic(), time.time(), ce_time))
        self.tell()

    def tell(self) -> None:
        if self.answer and len(self.arrivals) >= self.wanted:
            self.answer(self.document())
            self.answer = None

    def document(self) -> bytes:
        lags = [at - datetime.fromisoformat(time).timestamp() for _, at, time in self.arrivals]
        first, last = (self.arrivals[0][0], self.arrivals[-1][0]) if self.arrivals else (0.0, 0.0)
        return json.dumps({"first": first, "last": last, "lags": lags}).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._parser = httptools.HttpRequestParser(self)
        self._time = ""
        self._path = b"/"

    def on_url(self, url: bytes) -> None:
        self._path = url

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"ce-time":
            self._time = value.decode()

    def on_message_complete(self) -> None:
        method = self._parser.get_method()
        if method == b"POST":
            self._tally.note(self._time)
            self._transport.write(ACCEPTED)
            return
        if method == b"DELETE":
            self._tally.forget()
            self._answer(b"")
        else:
            self._tally.wanted = int(self._path[1:])
            self._tally.answer = self._answer
            self._tally.tell()

    def _answer(self, body: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


async def serve() -> None:
    tally = Tally()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(tally), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
