"""The application: what is made when it starts, and in which order it is put away."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI

from task_api.auth.discovery import Fetch, from_file, from_issuer
from task_api.auth.keys import Keys
from task_api.auth.verifier import Verifier
from task_api.database import Database, open_database
from task_api.dependencies import State
from task_api.documentation import install_docs
from task_api.errors import ConfigurationError
from task_api.lean import LeanApi
from task_api.logs import AccessLog
from task_api.metrics import Metrics
from task_api.observing import Observing
from task_api.openapi import install_openapi
from task_api.problem import install_handlers
from task_api.readiness import Readiness
from task_api.relay import Relay, run_relay
from task_api.repository.outbox import OutboxRepository
from task_api.repository.retention import RetentionRepository
from task_api.repository.tasks import TaskRepository
from task_api.retention import clean_forever
from task_api.routes import platform, tasks
from task_api.service import TaskService
from task_api.settings import Settings

if TYPE_CHECKING:
    from task_api.tracing import Tracing

logger = logging.getLogger(__name__)


def create_app(
    settings: Settings, *, metrics: Metrics | None = None, stopping: asyncio.Event | None = None
) -> FastAPI:
    """Make the application; nothing is opened before its lifespan starts.

    Raises:
        ConfigurationError: OIDC_JWKS_FILE is no key set, or a variable of OpenTelemetry's makes no sense.
    """
    metrics = metrics or Metrics()
    tracing = _tracing(settings)
    app = LeanApi(
        title="Task API",
        version=version("task-api"),
        description="Tasks over REST; every change becomes a CloudEvent.",
        lifespan=_lifespan(settings, metrics, tracing, stopping or asyncio.Event(), _fetch(settings)),
        docs_url=None,
        redoc_url=None,
        # Measured here, with labels and log lines of our own; FastAPI's would measure a second time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # In front of /docs, because each route that is looked at costs 3 µs, and not by include_router, which looks
    # at them through a second layer (10 µs, measured).
    app.router.routes[:0] = [*tasks.router.routes, *platform.router.routes]
    install_handlers(app)
    install_openapi(app, settings.public_url)
    install_docs(app)
    access_log = AccessLog() if settings.log_level in {"DEBUG", "INFO"} else None
    app.add_middleware(Observing, metrics=metrics, access_log=access_log, tracing=tracing)
    return app


def _lifespan(
    settings: Settings, metrics: Metrics, tracing: Tracing | None, stopping: asyncio.Event, fetch: Fetch
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with (
            # Ended last, for the relay's last spans.
            tracing.exporting(settings.flush_seconds) if tracing else nullcontext(),
            open_database(
                settings.database_url,
                size=settings.database_pool_size,
                timeout=settings.database_timeout_seconds,
            ) as database,
            _keys(settings, fetch) as keys,
            _relay(settings, database, metrics, tracing) as relay,
            _retention(settings, database),
        ):
            repository = TaskRepository(database)
            yield State(
                tasks=TaskService(
                    repository,
                    wake=relay.wake if relay else _nobody,
                    require_if_match=settings.require_if_match,
                ),
                verifier=Verifier(
                    keys,
                    issuer=settings.oidc_issuer,
                    audience=settings.oidc_audience,
                    skew=settings.oidc_clock_skew_seconds,
                ),
                readiness=Readiness(repository, stopping),
                relay=relay,
                public_url=(settings.public_url or "").rstrip("/"),
            )

    return lifespan


def _nobody() -> None:
    """There is no relay to wake."""


def _tracing(settings: Settings) -> Tracing | None:
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    try:
        from task_api.tracing import Tracing  # noqa: PLC0415  who names no collector pays nothing for it

        return Tracing()
    except ValueError as error:
        # OpenTelemetry looks at some of its variables when it is imported.
        raise ConfigurationError(f"traces cannot be sent: {error}") from None


def _fetch(settings: Settings) -> Fetch:
    path = settings.oidc_jwks_file
    return from_file(path) if path else from_issuer(settings.oidc_issuer)


@asynccontextmanager
async def _keys(settings: Settings, fetch: Fetch) -> AsyncIterator[Keys]:
    keys = Keys(
        fetch,
        refresh=settings.oidc_keys_refresh_seconds,
        max_age=settings.oidc_keys_max_age_seconds,
        cooldown=settings.oidc_refresh_cooldown_seconds,
    )
    yield keys
    await keys.close()


@asynccontextmanager
async def _relay(
    settings: Settings, database: Database, metrics: Metrics, tracing: Tracing | None
) -> AsyncIterator[Relay | None]:
    outbox = OutboxRepository(database, owner=uuid.uuid4())
    metrics.count_outbox_with(outbox.counts)
    if settings.k_sink is None:
        logger.warning("K_SINK is not set: events wait in the outbox")
        yield None
        return
    async with run_relay(settings.k_sink, outbox, metrics, settings, tracing) as relay:
        yield relay


@asynccontextmanager
async def _retention(settings: Settings, database: Database) -> AsyncIterator[None]:
    cleaning = asyncio.create_task(
        clean_forever(
            RetentionRepository(database),
            days=settings.deleted_task_retention_days,
            interval=settings.retention_interval_seconds,
        )
    )
    yield
    cleaning.cancel()
    await asyncio.gather(cleaning, return_exceptions=True)
