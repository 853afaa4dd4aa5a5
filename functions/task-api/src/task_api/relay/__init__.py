"""The only place that speaks to the broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from task_api.metrics import Metrics
from task_api.relay.connection import Client
from task_api.relay.loop import Relay, Timing
from task_api.relay.pace import Pace
from task_api.relay.publisher import Publisher
from task_api.relay.traced import TracedClient
from task_api.repository.outbox import OutboxRepository
from task_api.settings import Settings

if TYPE_CHECKING:
    # At run time only where a collector is named: importing it costs a start.
    from task_api.tracing import Tracing

__all__ = ["Relay", "run_relay"]


@asynccontextmanager
async def run_relay(
    sink: str, outbox: OutboxRepository, metrics: Metrics, settings: Settings, tracing: Tracing | None = None
) -> AsyncIterator[Relay]:
    """A started relay; leaving publishes what waits and gives the leases back."""
    timeout = settings.relay_timeout_seconds
    client = TracedClient(sink, timeout, tracing) if tracing else Client(sink, timeout)
    pace = Pace(settings.relay_concurrency)
    relay = Relay(
        outbox,
        Publisher(client, pace, metrics, longest_backoff=settings.relay_backoff_max_seconds),
        pace,
        concurrency=settings.relay_concurrency,
        timing=Timing(
            settings.relay_lease_seconds, settings.relay_timeout_seconds, settings.relay_poll_max_seconds
        ),
    )
    relay.start()
    try:
        yield relay
    finally:
        # The other half of the grace is for open requests (server.py).
        await relay.stop(settings.shutdown_grace_seconds / 2 - settings.flush_seconds)
        client.close()
