"""A proxy between the relay and the broker that fails on command and writes down what was accepted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import aiohttp
from aiohttp import web

from e2e.systems.background import Background

HOP_BY_HOP = {"host", "content-length", "connection", "transfer-encoding"}


class Fault(Enum):
    """What happens to a request instead of passing it on and answering."""

    NONE = "none"
    SILENT_BEFORE = "the broker never sees the event, the relay hears nothing"
    SILENT_AFTER = "the broker stores the event, the relay hears nothing"


@dataclass(frozen=True)
class Acceptance:
    """One 2xx of the broker, in the order in which they came."""

    event_id: str
    subject: str
    version: int


class Gateway(Background):
    """`upstream` says where the broker is at the moment of a request."""

    def __init__(self, upstream: Callable[[], str]) -> None:
        super().__init__()
        self.url = ""
        self.accepted: list[Acceptance] = []
        self.held = threading.Semaphore(0)  # released for each request that is kept silent
        self._upstream = upstream
        self._status: int | None = None
        self._fault = Fault.NONE

    def passes(self) -> None:
        """Everything reaches the broker again; requests kept silent are dropped."""
        self._set(None, Fault.NONE)

    def answers(self, status: HTTPStatus) -> None:
        self._set(status, Fault.NONE)

    def falls_silent(self, fault: Fault) -> None:
        self._set(None, fault)

    def _set(self, status: int | None, fault: Fault) -> None:
        self._status, self._fault = status, fault
        self._loop.call_soon_threadsafe(self._changed.set)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        self._changed = asyncio.Event()
        application = web.Application(client_max_size=2**21)
        application.router.add_post("/{path:.*}", self._handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as self._client:
            yield
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self._status is not None:
            return web.Response(status=self._status)
        if self._fault is Fault.SILENT_BEFORE:
            return await self._hold(request)
        status = await self._forward(request, body)
        if self._fault is Fault.SILENT_AFTER:
            return await self._hold(request)
        return web.Response(status=status)

    async def _hold(self, request: web.Request) -> web.Response:
        self.held.release()
        self._changed.clear()
        await self._changed.wait()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _forward(self, request: web.Request, body: bytes) -> int:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            async with self._client.post(self._upstream(), data=body, headers=headers) as answer:
                status = answer.status
        except aiohttp.ClientError:
            return HTTPStatus.BAD_GATEWAY
        if status < 300:
            self.accepted.append(
                Acceptance(
                    request.headers["ce-id"],
                    request.headers["ce-subject"],
                    int(request.headers["ce-sequence"]),
                )
            )
        return status
