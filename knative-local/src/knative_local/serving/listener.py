"""Listening sockets of this process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

_BACKLOG = 1024
_HEADER_LIMIT = 64 * 1024  # the instance behind decides what is too long


class Listener:
    """An HTTP server on one socket; the handler is cancelled when its client goes away."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._server = web.Server(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            max_line_size=_HEADER_LIMIT,
            max_field_size=_HEADER_LIMIT,
        )
        self._listening: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._server, sock=listener, backlog=_BACKLOG)

    def refuse(self) -> None:
        """Take no new connection; requests on those that exist are still answered."""
        if self._listening is not None:
            self._listening.close()
        self._server.pre_shutdown()

    async def stop(self, grace: float) -> None:
        self.refuse()
        await self._server.shutdown(grace)
