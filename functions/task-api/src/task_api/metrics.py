"""What is counted; served on a port of its own, never on the public one."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from task_api.errors import TaskApiError
from task_api.repository.outbox import Counts

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """A registry per application, so that two in one process (tests) do not add up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "task_api_http_request_duration_seconds",
            "Requests by route, method and status, and how long they took.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._count: Callable[[], Awaitable[Counts]] | None = None
        self._children: dict[tuple[str, str, int], Histogram] = {}
        self.relayed = Counter(
            "task_api_relay_attempts",
            "Attempts to hand an event to the broker, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self.relay_paused = Gauge(
            "task_api_relay_paused",
            "1 while the broker refuses everything (401, 403, 405): a misconfiguration.",
            registry=self.registry,
        )
        self._waiting = Gauge(
            "task_api_outbox_waiting", "Events the broker has not accepted yet.", registry=self.registry
        )
        self._parked = Gauge(
            "task_api_outbox_parked",
            "Events the broker refused for good; see `task-api outbox --parked`.",
            registry=self.registry,
        )
        self._oldest = Gauge(
            "task_api_outbox_oldest_age_seconds", "Age of the oldest waiting event.", registry=self.registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Looking up the labels costs more than observing, so the children are kept."""
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(method, route, str(status))
        child.observe(seconds)

    def count_outbox_with(self, count: Callable[[], Awaitable[Counts]]) -> None:
        """`count` is asked when somebody scrapes, and not in between: it keeps no idle database awake."""
        self._count = count

    async def page(self) -> bytes:
        """The text Prometheus reads; the outbox is NaN while the database does not answer."""
        if self._count is not None:
            try:
                counts = await self._count()
            except TaskApiError:
                counts = Counts(math.nan, math.nan, math.nan)
            self._waiting.set(counts.waiting)
            self._parked.set(counts.parked)
            self._oldest.set(counts.oldest_seconds)
        return generate_latest(self.registry)
