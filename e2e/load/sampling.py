"""What is asked of a system while it is under load, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

SERVICES = ("task-api", "analytics")


class Replicas(NamedTuple):
    """`concurrency` counts requests in flight and waiting, where the system tells; `minimum` is the floor."""

    ready: int
    desired: int
    minimum: int
    concurrency: float | None = None

    @property
    def at_minimum(self) -> bool:
        return self.ready == self.desired == self.minimum


class State(NamedTuple):
    """`lag`: events the Broker has and the Trigger of analytics has not delivered; None where nobody tells."""

    services: Mapping[str, Replicas]
    lag: int | None = None


class Sampler(Protocol):
    """One way to ask."""

    async def state(self) -> State:
        """Raise LoadError when the system does not answer."""


class Sample(NamedTuple):
    """`outbox` waits for the relay; `counted` are the events of the load that analytics has."""

    at: float
    state: State
    outbox: int | None = None
    counted: int | None = None
