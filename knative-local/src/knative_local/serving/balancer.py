"""Which instance gets the next request, and who waits for one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from knative_local.errors import KnativeLocalError
from knative_local.serving.instance import Instance, State

QUEUE_DEPTH = 10_000  # as many wait in front of a revision in Knative's activator


class OverloadError(KnativeLocalError):
    """More requests wait than Knative would hold."""


class Balancer:
    """`limit` is containerConcurrency: no instance gets more at a time; 0 is no limit."""

    def __init__(self, instances: Iterable[Instance], limit: int) -> None:
        self._instances = instances
        self._limit = limit
        self._waiting: deque[asyncio.Future[Instance]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def acquire(self) -> Instance:
        """Wait, in order of arrival, for an instance with room; give it back with `release`."""
        instance = None if self._waiting else self._least_loaded()
        if instance is not None:
            instance.in_flight += 1
            return instance
        if len(self._waiting) >= QUEUE_DEPTH:
            raise OverloadError(f"{QUEUE_DEPTH} requests wait already")
        place: asyncio.Future[Instance] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release(place.result())
            else:
                self._waiting.remove(place)
            raise

    def release(self, instance: Instance) -> None:
        instance.in_flight -= 1
        self.serve_waiting()

    def serve_waiting(self) -> None:
        """Call it when an instance has become ready."""
        while self._waiting:
            if self._waiting[0].done():  # its client has gone, and it has not noticed yet
                return
            instance = self._least_loaded()
            if instance is None:
                return
            instance.in_flight += 1
            self._waiting.popleft().set_result(instance)

    def _least_loaded(self) -> Instance | None:
        room = [
            instance
            for instance in self._instances
            if instance.state is State.READY and (not self._limit or instance.in_flight < self._limit)
        ]
        return min(room, key=lambda instance: instance.in_flight, default=None)
