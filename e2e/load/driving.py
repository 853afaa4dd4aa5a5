"""Every user of a load has a hey of their own, one run after another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from e2e.load import hey
from e2e.load.plan import Step, share

LONGEST = 10.0  # seconds of one run: the number of requests is a guess from the run before, and it goes stale
FIRST = 10  # requests of a client before anything is known about the server's speed
PAUSE = 0.5  # after a run that nobody answered


class Burst(NamedTuple):
    """One run of hey; times count from the start of the load."""

    user: str
    step: str
    started: float
    ended: float
    sent: int
    answers: Sequence[hey.Answer]

    @property
    def unanswered(self) -> int:
        return self.sent - len(self.answers)

    @property
    def acknowledged(self) -> int:
        return sum(answer.succeeded for answer in self.answers)


class Period(NamedTuple):
    """When a step was on."""

    step: str
    started: float
    ended: float


@dataclass
class Driver:
    """`targets` by user; the clock counts from the start of the load."""

    program: str
    targets: dict[str, hey.Target]
    clock: Callable[[], float]
    bursts: list[Burst] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)
    _speeds: dict[str, float] = field(default_factory=dict)  # answers per second and client, by user

    @property
    def sent(self) -> int:
        return sum(burst.sent for burst in self.bursts)

    @property
    def acknowledged(self) -> int:
        return sum(burst.acknowledged for burst in self.bursts)

    @property
    def errors(self) -> Counter[str]:
        """How many requests failed, by status."""
        counted: Counter[str] = Counter()
        for burst in self.bursts:
            counted.update(str(answer.status) for answer in burst.answers if not answer.succeeded)
            counted["no answer"] += burst.unanswered
        return +counted

    async def run(self, step: Step) -> None:
        start = self.clock()
        workers = share(step.clients, len(self.targets))
        try:
            async with asyncio.TaskGroup() as group:
                for user, mine in zip(self.targets, workers, strict=True):
                    rate = None if step.rate is None else step.rate * mine / step.clients
                    group.create_task(self._drive(user, step, hey.Size(mine, 0, rate), start + step.seconds))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # one hey that cannot run is enough to know
        self.periods.append(Period(step.name, start, self.clock()))

    async def _drive(self, user: str, step: Step, size: hey.Size, end: float) -> None:
        while (left := end - self.clock()) > 0:
            burst = await self._burst(user, step, self._sized(user, size, min(left, LONGEST)))
            self.bursts.append(burst)
            self._speeds[user] = len(burst.answers) / (burst.ended - burst.started) / size.workers
            if not burst.answers:
                await asyncio.sleep(PAUSE)

    def _sized(self, user: str, size: hey.Size, seconds: float) -> hey.Size:
        """As many requests as fill the seconds, going by the last run where no rate is given."""
        speed = self._speeds.get(user) if size.rate is None else size.rate / size.workers
        each = max(1, round(speed * seconds)) if speed else FIRST
        return size._replace(requests=each * size.workers)

    async def _burst(self, user: str, step: Step, size: hey.Size) -> Burst:
        started = self.clock()
        answers = await hey.run(self.program, self.targets[user], size)
        return Burst(user, step.name, started, self.clock(), size.requests, answers)
