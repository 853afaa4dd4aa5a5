"""The load, the watch beside it, and what is wrong with what they saw."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from e2e.load.driving import Driver
from e2e.load.errors import LoadError
from e2e.load.plan import Load, steps
from e2e.load.sampling import SERVICES
from e2e.load.timeline import Moment, moments
from e2e.load.watching import INTERVAL, Watch

LEAD = 2.0  # seconds of rest before the load and after it, to compare with


@dataclass(frozen=True)
class Experiment:
    """`patience` is how long after the load the system may take to be at rest again."""

    load: Load
    driver: Driver
    watch: Watch
    patience: float

    async def run(self) -> list[Moment]:
        """From rest, up, and back to rest; `faults` says afterwards whether it was."""
        await self.watch.take()
        watching = asyncio.create_task(self.watch.run())
        try:
            await asyncio.sleep(LEAD)
            for step in steps(self.load):
                await self.driver.run(step)
            await self._rest()
            await asyncio.sleep(LEAD)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return moments(self.watch.samples, self.driver.bursts, self.driver.periods)

    def faults(self) -> Iterator[str]:
        """Each in a sentence."""
        driver, last = self.driver, self.watch.samples[-1]
        if driver.errors:
            reasons = ", ".join(f"{reason}: {count}" for reason, count in driver.errors.most_common())
            yield f"{driver.errors.total()} of {driver.sent} requests failed ({reasons})"
        for name, replicas in last.state.services.items():
            if not replicas.at_minimum:
                yield (
                    f"{name} is not back at {replicas.minimum} after {self.patience:g} s: "
                    f"{replicas.ready} ready, {replicas.desired} desired"
                )
        if last.counted is not None and last.counted != driver.acknowledged:
            yield f"{driver.acknowledged} were acknowledged, {last.counted} are counted"

    def result(self) -> str:
        """What was sent, what was counted, and how far the replicas went."""
        last = self.watch.samples[-1]
        counted = "not asked" if last.counted is None else str(last.counted)
        parts = [f"{self.driver.sent} sent", f"{self.driver.errors.total()} errors", f"{counted} counted"]
        parts += [f"{name} {self._course(name)}" for name in SERVICES]
        missed = self.watch.missed
        return ", ".join(parts) + (f"; {missed} samples without an answer" if missed else "")

    def _course(self, name: str) -> str:
        """First, most and last replicas; and what was wanted, where that is more than ever came."""
        found = [sample.state.services[name] for sample in self.watch.samples]
        most, wanted = max(one.ready for one in found), max(one.desired for one in found)
        course = f"{found[0].ready}→{most}→{found[-1].ready}"
        return course if wanted <= most else f"{course} ({wanted} desired)"

    async def _rest(self) -> None:
        """Return at rest, or when the patience is over."""
        end = self.driver.clock() + self.patience
        acknowledged = self.driver.acknowledged
        # A sample from before the last answer says nothing.
        after = self.driver.clock()
        while self.driver.clock() < end:
            if self.watch.samples[-1].at > after and self.watch.rests(acknowledged):
                return
            await asyncio.sleep(INTERVAL / 5)


async def at_rest(watch: Watch, patience: float) -> None:
    """Wait until there is nothing to come back from; raise LoadError when that takes too long."""
    end = watch.clock() + patience
    await watch.take()
    while not watch.rests(0):
        if watch.clock() > end:
            raise LoadError(f"the system is not at rest after {patience:g} s: something else uses it")
        await asyncio.sleep(INTERVAL)
        await watch.take()
    watch.samples.clear()
