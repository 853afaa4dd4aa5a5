"""A sample every half second, from before the load until after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from e2e.load.errors import LoadError
from e2e.load.ledger import Ledger
from e2e.load.sampling import Sample, Sampler

INTERVAL = 0.5


@dataclass
class Watch:
    """`missed` counts moments at which the system did not answer: under load that is a finding, not the end."""

    sampler: Sampler
    ledger: Ledger | None
    clock: Callable[[], float]
    samples: list[Sample] = field(default_factory=list)
    missed: int = 0

    async def take(self) -> None:
        """Raise LoadError when there is no answer."""
        at = self.clock()
        state = await self.sampler.state()
        outbox, counted = await self.ledger.read() if self.ledger else (None, None)
        self.samples.append(Sample(at, state, outbox, counted))

    async def run(self) -> None:
        """For ever, in time with the clock."""
        while True:
            try:
                await self.take()
            except (LoadError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                self.missed += 1
            await asyncio.sleep(INTERVAL - self.clock() % INTERVAL)

    def rests(self, acknowledged: int) -> bool:
        """Every service is back at its minimum, and everything is counted where somebody tells."""
        last = self.samples[-1]
        at_minimum = all(replicas.at_minimum for replicas in last.state.services.values())
        return at_minimum and (last.counted is None or last.counted >= acknowledged)
