"""A broker that accepts everything at once: `python -m bench.stub` prints its URL.

`GET /` answers `{"count", "first", "last", "lags"}`: how many events came, the monotonic times of the first
and the last, and for each how long after its own `ce-time` it came (seconds). `DELETE /` forgets them.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from typing import cast

import httptools
import uvloop

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class Tally:
    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.lags: list[float] = []

    def note(self, ce_time: str) -> None:
        self.arrivals.append(time.monotonic())
        self.lags.append(time.time() - datetime.fromisoformat(ce_time).timestamp())

    def document(self) -> bytes:
        first, last = (self.arrivals[0], self.arrivals[-1]) if self.arrivals else (0.0, 0.0)
        return json.dumps(
            {"count": len(self.arrivals), "first": first, "last": last, "lags": self.lags}
        ).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._parser = httptools.HttpRequestParser(self)
        self._time = ""

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
        body = self._tally.document()
        if method == b"DELETE":
            self._tally.__init__()  # type: ignore[misc]
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


async def serve() -> None:
    tally = Tally()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(tally), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
