"""What one revision's requests amount to, second by second."""

from __future__ import annotations


class Meter:
    """Concurrency is averaged over time, as queue-proxy reports it: a short request weighs little."""

    def __init__(self, now: float) -> None:
        self.in_flight = 0
        self._arrived = 0
        self._busy_seconds = 0.0
        self._changed = now
        self._reported = now

    def enter(self, now: float) -> None:
        self._integrate(now)
        self.in_flight += 1
        self._arrived += 1

    def leave(self, now: float) -> None:
        self._integrate(now)
        self.in_flight -= 1

    def report(self, now: float) -> tuple[float, float]:
        """Average concurrency and requests per second since the last report."""
        self._integrate(now)
        elapsed = now - self._reported
        result = (self._busy_seconds / elapsed, self._arrived / elapsed) if elapsed > 0 else (0.0, 0.0)
        self._busy_seconds, self._arrived, self._reported = 0.0, 0, now
        return result

    def _integrate(self, now: float) -> None:
        self._busy_seconds += self.in_flight * (now - self._changed)
        self._changed = now
