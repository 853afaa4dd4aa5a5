"""The process that serves: a database pool, a listening socket, and their end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import uvloop

from analytics.batcher import Batcher
from analytics.errors import DatabaseAway, InvalidSetting
from analytics.logs import TogetherHandler, configure_logs
from analytics.settings import Settings
from analytics.store import PostgresStore, open_pool

if TYPE_CHECKING:
    from analytics.http_protocol import HttpProtocol
    from analytics.tracing import Tracing

# Less than the 30 s Kubernetes grants before it kills.
DRAIN_SECONDS = 25.0
# Of these, for the collector to take the last spans; loading what sends them may be part of it.
FLUSH_SECONDS = 5.0
# For a whole request to arrive; a sender of 1 MiB needs a fraction of it.
REQUEST_SECONDS = 30.0
SWEEP_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 5.0

_log = logging.getLogger("analytics")


def serve(settings: Settings) -> None:
    """Return after SIGTERM or SIGINT, once every delivery that was accepted is answered.

    Raises:
        SchemaMissing: found at the first connection, which may be later than the start.
    """
    uvloop.run(_serve(settings, configure_logs(settings.log_level)))


async def _serve(settings: Settings, logs: TogetherHandler) -> None:
    stop = _stop_signal()
    pool = await open_pool(settings.database_url)
    store = PostgresStore(pool)
    check = asyncio.create_task(_check(store))
    application = await _import_meanwhile()
    tracing = _tracing(settings)
    handle = tracing.traced(application.handle) if tracing else application.handle
    connections: set[HttpProtocol] = set()
    respond = application.Application(Batcher(store.write), store.ping, logs.note, handle).respond
    server = await _listen(settings, lambda: application.HttpProtocol(respond, connections))
    background = [asyncio.create_task(_sweep(connections))]
    if tracing:
        background.append(asyncio.create_task(tracing.run()))
    _end_of_start()
    try:
        await _first_end(check, stop)
    finally:
        server.close()
        await _drain(connections)
        for task in (*background, check):
            task.cancel()
        if tracing:
            await tracing.close(FLUSH_SECONDS)
        pool.terminate()


async def _import_meanwhile() -> ModuleType:
    """The database gets its connection ready while the other half of the program is read.

    Measured: a tenth of a cold start. The loop's thread must not wait the usual 5 ms for the interpreter.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    try:
        return await asyncio.to_thread(_import_application)
    finally:
        sys.setswitchinterval(usual)


def _import_application() -> ModuleType:
    from analytics import application  # noqa: PLC0415 - see _import_meanwhile

    return application


def _tracing(settings: Settings) -> Tracing | None:
    if not settings.otel_exporter_otlp_endpoint:
        return None
    from analytics.tracing import Tracing  # noqa: PLC0415 - who names no collector starts as fast as before

    return Tracing()


def _end_of_start() -> None:
    """What is imported stays: the collector, off since the first line of `cli`, need never look at it."""
    gc.freeze()
    gc.enable()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _check(store: PostgresStore) -> None:
    """End with SchemaMissing or not at all; a database that is away is waited for."""
    pause = 0.1
    while True:
        try:
            await store.ping()
        except DatabaseAway as error:
            _log.warning("%s", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            await asyncio.Event().wait()


async def _listen(settings: Settings, protocol: Callable[[], HttpProtocol]) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(protocol, settings.host, settings.port, backlog=1024)
    except OSError as error:
        raise InvalidSetting(f"Cannot listen on {settings.host}:{settings.port}: {error}.") from None
    _log.info("listening on %s:%d", *server.sockets[0].getsockname()[:2])
    return server


async def _first_end(check: asyncio.Task[None], stop: asyncio.Event) -> None:
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((check, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if check.done():
        check.result()


async def _sweep(connections: set[HttpProtocol]) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        for connection in list(connections):
            connection.refuse_if_slow(REQUEST_SECONDS)


async def _drain(connections: set[HttpProtocol]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DRAIN_SECONDS - FLUSH_SECONDS
    for connection in list(connections):
        connection.shut_down()
    while connections and loop.time() < deadline:  # noqa: ASYNC110 - connections end one by one, by themselves
        await asyncio.sleep(0.01)
