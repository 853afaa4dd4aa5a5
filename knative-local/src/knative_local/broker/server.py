"""The listening socket of the ingress: opened before the first delivery, closed before the last."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from knative_local.errors import UsageError

# aiohttp answers 400 beyond its own limits; the ingress answers 431 as Knative does, and long before these.
_HEADER_ROOM = 65536
_HEADERS = 2048
_SHUTDOWN_SECONDS = 2.0


class Server:
    """`url` says where it listens."""

    def __init__(self, runner: web.AppRunner, site: web.TCPSite, url: str) -> None:
        self.url = url
        self._runner = runner
        self._site = site

    async def refuse(self) -> None:
        """Take no new connection; requests on those that exist are still answered."""
        await self._site.stop()


@contextlib.asynccontextmanager
async def listening(handler: Handler, host: str, port: int) -> AsyncIterator[Server]:
    """On leaving, requests in flight get a moment to finish."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        max_field_size=_HEADER_ROOM,
        max_headers=_HEADERS,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(f"{host}:{port} cannot be listened on: {error.strerror}") from error
        yield Server(runner, site, _url(runner))
    finally:
        await runner.cleanup()


def _url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
