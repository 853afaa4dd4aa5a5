"""What the clients saw, at the moments at which the system was asked."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from e2e.load.driving import Burst, Period
from e2e.load.sampling import Sample

WINDOW = 1.0  # seconds before a moment that its rate and latency are taken from


class Moment(NamedTuple):
    """`errors` since the moment before; `behind` is acknowledged to a client and not counted yet."""

    sample: Sample
    step: str
    rate: float
    p50: float | None
    p95: float | None
    errors: int
    acknowledged: int
    behind: int | None


class Answers:
    """In the order in which they came."""

    def __init__(self, bursts: Iterable[Burst]) -> None:
        bursts = list(bursts)
        found = sorted(
            (burst.started + answer.started + answer.seconds, answer)
            for burst in bursts
            for answer in burst.answers
        )
        self._times = [time for time, _ in found]
        self._seconds = [answer.seconds for _, answer in found]
        self._acknowledged = [time for time, answer in found if answer.succeeded]
        failed = [time for time, answer in found if not answer.succeeded]
        # When a request failed without an answer is not known: the end of its run is the latest it can be.
        self._failed = sorted([*failed, *(burst.ended for burst in bursts for _ in range(burst.unanswered))])

    def seconds(self, start: float, end: float) -> Sequence[float]:
        return self._seconds[bisect_right(self._times, start) : bisect_right(self._times, end)]

    def acknowledged(self, end: float) -> int:
        return bisect_right(self._acknowledged, end)

    def failed(self, end: float) -> int:
        return bisect_right(self._failed, end)


def moments(samples: Iterable[Sample], bursts: Iterable[Burst], periods: Sequence[Period]) -> list[Moment]:
    answers = Answers(bursts)
    found: list[Moment] = []
    failed = 0
    for sample in samples:
        known = answers.failed(sample.at)
        found.append(_moment(sample, answers, _step(sample.at, periods), known - failed))
        failed = known
    return found


def _moment(sample: Sample, answers: Answers, step: str, errors: int) -> Moment:
    seconds = answers.seconds(sample.at - WINDOW, sample.at)
    acknowledged = answers.acknowledged(sample.at)
    # An event can be counted before its client has read the answer.
    behind = None if sample.counted is None else max(0, acknowledged - sample.counted)
    p50, p95 = percentile(seconds, 50), percentile(seconds, 95)
    return Moment(sample, step, len(seconds) / WINDOW, p50, p95, errors, acknowledged, behind)


def percentile(seconds: Sequence[float], percent: int) -> float | None:
    """None of nothing."""
    if len(seconds) < 2:
        return seconds[0] if seconds else None
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def _step(at: float, periods: Sequence[Period]) -> str:
    return next((period.step for period in periods if period.started <= at <= period.ended), "")
