"""A proxy in front of PostgreSQL that can keep the answer to a commit back from the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from e2e.systems.background import Background

# ReadyForQuery with status "idle": nothing is open any more, so what was written is committed
# (PostgreSQL protocol, "Message Formats").
COMMITTED = b"Z\x00\x00\x00\x05I"


class DatabaseGate(Background):
    """`url` is `upstream` through the gate."""

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self._upstream = urlsplit(upstream)
        self.url = ""
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()

    def withholds_commits(self) -> None:
        self._open = False

    def passes(self) -> None:
        """Connections whose answer was kept back are cut: their client is dead or gives up."""
        self._open = True
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.close()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        credentials = self._upstream.netloc.rpartition("@")[0]
        self.url = urlunsplit(self._upstream._replace(netloc=f"{credentials}@127.0.0.1:{port}"))
        yield
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
