"""A keep-alive HTTP/1.1 client for one URL: POST, a status, nothing else.

aiohttp takes 65 µs of CPU time per event, this 13 (measured, 32 in flight), and the relay shares its core
with the API. The broker's answer has no body worth reading; a connection is reused only if none came.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

# Kafka's receiver closes what has been idle for longer; a request that crosses the close is sent again.
_IDLE_SECONDS = 30.0


class NoAnswer(Exception):
    """The message says why."""


class Answer(NamedTuple):
    status: int
    retry_after: str | None


class Client:
    """Opens as many connections as there are posts at a time, and keeps them; made inside a running loop."""

    def __init__(self, url: str, timeout: float) -> None:
        # Kept, because asking for it is a system call (getpid) on Python 3.11: a seventh of the relay's CPU time.
        self._loop = asyncio.get_running_loop()
        parts = urlsplit(url)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._head = f"POST {target} HTTP/1.1\r\nhost: {parts.netloc.rpartition('@')[2]}\r\n"
        self._timeout = timeout
        self._idle: list[_Connection] = []

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raise NoAnswer where no status came in time."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        request = f"{self._head}{lines}content-length: {len(body)}\r\n\r\n".encode("ascii") + body
        try:
            return await self._send(request, self._loop.time() + self._timeout)
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._timeout:g} s") from None
        except (OSError, httptools.HttpParserError) as error:
            raise NoAnswer(str(error) or type(error).__name__) from None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _send(self, request: bytes, deadline: float) -> Answer:
        connection = self._reusable()
        if connection is not None:
            try:
                return await self._exchange(connection, request, deadline)
            except ConnectionError:
                pass  # closed while idle, and not by this request: it gets a fresh connection
        return await self._exchange(await self._opened(deadline), request, deadline)

    async def _opened(self, deadline: float) -> _Connection:
        async with asyncio.timeout_at(deadline):
            _, connection = await self._loop.create_connection(
                lambda: _Connection(self._loop), self._host, self._port, ssl=self._tls
            )
        return connection

    async def _exchange(self, connection: _Connection, request: bytes, deadline: float) -> Answer:
        try:
            answer = await connection.exchange(request, deadline)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _reusable(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and time.monotonic() - connection.used_at < _IDLE_SECONDS:
                return connection
            connection.close()
        return None


class _Connection(asyncio.Protocol):
    """One request at a time; `reusable` once its answer has ended cleanly."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.reusable = False
        self.used_at = 0.0
        self._answer: asyncio.Future[Answer] | None = None
        self._retry_after: str | None = None
        self._parser = httptools.HttpResponseParser(self)

    async def exchange(self, request: bytes, deadline: float) -> Answer:
        self.reusable = False
        self._retry_after = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer = self._loop.create_future()
        # A bare timer: asyncio.timeout costs as much as the rest of this method.
        timer = self._loop.call_at(deadline, self._fail, TimeoutError())
        try:
            self._transport.write(request)
            return await self._answer
        finally:
            timer.cancel()

    def close(self) -> None:
        self.reusable = False
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.reusable = False
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self._fail(exc if isinstance(exc, ConnectionError) else ConnectionResetError("the broker hung up"))

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and self._answer and not self._answer.done():
            self._answer.set_result(Answer(status, self._retry_after))

    def on_message_complete(self) -> None:
        self.used_at = time.monotonic()
        self.reusable = self._parser.get_status_code() >= 200 and self._parser.should_keep_alive()

    def _fail(self, error: Exception) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
