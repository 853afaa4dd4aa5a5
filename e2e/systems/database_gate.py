"""A proxy in front of PostgreSQL that can keep the answer to a commit back from the client."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

# ReadyForQuery with status "idle": nothing is open any more, so what was written is committed
# (PostgreSQL protocol, "Message Formats").
COMMITTED = b"Z\x00\x00\x00\x05I"


class DatabaseGate:
    """Runs in a thread of its own; `url` is `upstream` through the gate."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self.url = ""
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the gate did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def withholds_commits(self) -> None:
        self._open = False

    def passes(self) -> None:
        """Connections whose answer was kept back are cut: their client is dead or gives up."""
        self._open = True
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        credentials = self._upstream.netloc.rpartition("@")[0]
        self.url = urlunsplit(self._upstream._replace(netloc=f"{credentials}@127.0.0.1:{port}"))
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._cut()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        self._writers |= {writer, up_writer}
        try:
            await asyncio.gather(self._requests(reader, up_writer), self._answers(up_reader, writer))
        except OSError:
            pass
        finally:
            writer.close()
            up_writer.close()
            self._writers -= {writer, up_writer}

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self._open and COMMITTED in data:
                await self._stop.wait()  # until the connection is cut or the gate goes down
            writer.write(data)
            await writer.drain()
        writer.close()
