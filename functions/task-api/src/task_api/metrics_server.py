"""GET /metrics on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from prometheus_client import CONTENT_TYPE_LATEST

from task_api.errors import ConfigurationError

_TIMEOUT_SECONDS = 10
_MOST_HEADER_BYTES = 16_384


@asynccontextmanager
async def serve_metrics(
    page: Callable[[], Awaitable[bytes]], host: str, port: int
) -> AsyncIterator[tuple[str, int]]:
    """Yield the address it listens on.

    Raises:
        ConfigurationError: the port is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _response(request, page))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, host, port, limit=_MOST_HEADER_BYTES)
    except OSError as error:
        raise ConfigurationError(f"cannot listen for /metrics on {host}:{port}: {error.strerror}") from None
    async with server:
        yield server.sockets[0].getsockname()[:2]


async def _response(request: bytes, page: Callable[[], Awaitable[bytes]]) -> bytes:
    method, _, rest = request.partition(b" ")
    if rest.split(b" ")[0].partition(b"?")[0] != b"/metrics":
        return _plain(b"404 Not Found", b"GET /metrics\n")
    if method != b"GET":
        return _plain(b"405 Method Not Allowed", b"GET /metrics\n", b"allow: GET\r\n")
    return _plain(b"200 OK", await page(), kind=CONTENT_TYPE_LATEST.encode())


def _plain(status: bytes, body: bytes, extra: bytes = b"", kind: bytes = b"text/plain") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: %b\r\n%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
        status,
        kind,
        extra,
        len(body),
        body,
    )
