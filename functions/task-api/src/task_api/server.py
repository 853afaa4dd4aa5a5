"""`task-api serve`: sockets, signals, and the order of stopping."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Iterator

import asyncpg
import uvicorn

from task_api.app import create_app
from task_api.database_url import connect_arguments
from task_api.errors import ConfigurationError, MigrationMissing
from task_api.metrics import Metrics
from task_api.metrics_server import serve_metrics
from task_api.schema import require_current
from task_api.settings import Settings

logger = logging.getLogger(__name__)

# Above what proxies keep: who closes an idle connection must not be the one who is being written to.
_KEEP_ALIVE_SECONDS = 75
_CONNECT_SECONDS = 3
_DATABASE_AWAY_SECONDS = 1


class _Server(uvicorn.Server):
    """Leaves signals to `serve`: uvicorn's own handling ends in death by signal instead of exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is open, publish what waits, and return.

    Raises:
        MigrationMissing: the database is older than this release.
        ConfigurationError: a port is taken, or OIDC_JWKS_FILE is no key set.
    """
    metrics, stopping = Metrics(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    known = await _schema_known(settings.database_url)
    app = create_app(settings, metrics=metrics, stopping=stopping)
    async with serve_metrics(
        metrics.page, settings.metrics_host, settings.otel_exporter_prometheus_port
    ) as at:
        with _listen(settings.host, settings.port) as listener:
            server = _Server(_config(app, settings.shutdown_grace_seconds))
            watching = asyncio.create_task(_watch_schema(settings.database_url, stopping, known=known))
            ending = asyncio.create_task(_end(server, stopping, settings.drain_delay_seconds))
            _announce(listener.getsockname(), at)
            # What imports left behind is never garbage: not looking at it is worth 5 to 10 % (measured).
            gc.collect()
            gc.freeze()
            await server.serve(sockets=[listener])
    ending.cancel()
    if watching.done():
        watching.result()
    watching.cancel()


def _config(app: object, grace: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI application
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        # The other half of the grace is for waiting events (relay/__init__.py).
        timeout_graceful_shutdown=max(1, int(grace / 2)),
    )


def _listen(host: str, port: int) -> socket.socket:
    """Bound before the application starts: who connects meanwhile waits instead of being refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _announce(listener: tuple[str, int], metrics: tuple[str, int]) -> None:
    urls = {
        "url": f"http://{listener[0]}:{listener[1]}",
        "metrics_url": f"http://{metrics[0]}:{metrics[1]}/metrics",
    }
    logger.info("listening", extra=urls)


async def _end(server: uvicorn.Server, stopping: asyncio.Event, delay: float) -> None:
    """Until `delay` is over, load balancers see /readyz say 503 and everybody else is still served."""
    await stopping.wait()
    logger.info("stopping")
    await asyncio.sleep(delay)
    server.should_exit = True


async def _schema_known(url: str) -> bool:
    """False where the database is away: the process starts all the same, and answers 503 until it is back."""
    try:
        connection = await asyncpg.connect(**connect_arguments(url), timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        logger.warning("the database does not answer: %s", str(error) or type(error).__name__)
        return False
    try:
        await require_current(connection)
    finally:
        await connection.close()
    return True


async def _watch_schema(url: str, stopping: asyncio.Event, *, known: bool) -> None:
    """Check as soon as there is a database; a missing migration then ends the process, as at a start."""
    try:
        while not known:
            await asyncio.sleep(_DATABASE_AWAY_SECONDS)
            known = await _schema_known(url)
    except MigrationMissing:
        stopping.set()
        raise
