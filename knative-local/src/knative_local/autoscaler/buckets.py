"""A window of one-second buckets and its average."""

from __future__ import annotations

import math

_DIGITS = 6  # sums of floats drift; Knative rounds to as many


class Buckets:
    """Values of the last `window` seconds; times are seconds on any clock that does not go backwards."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._sums = [0.0] * window
        self._first: int | None = None
        self._last = 0

    def record(self, now: float, value: float) -> None:
        second = math.floor(now)
        self._advance(second)
        self._sums[second % self._window] += value

    def average(self, now: float) -> float:
        """Gaps between values count as zero; seconds before the first and after the last do not count."""
        if self._first is None:
            return 0.0
        silent = max(0, math.floor(now) - self._last)
        if silent >= self._window:
            return 0.0
        known = min(self._last - self._first + 1, self._window - silent)
        total = sum(self._sums[(self._last - age) % self._window] for age in range(self._window - silent))
        return round(total / known, _DIGITS)

    def _advance(self, second: int) -> None:
        """Empty the buckets that the time has passed since the last value."""
        if self._first is None or second - self._last >= self._window:
            self._sums = [0.0] * self._window
            self._first = self._last = second
        for passed in range(self._last + 1, second + 1):
            self._sums[passed % self._window] = 0.0
        self._last = max(self._last, second)
