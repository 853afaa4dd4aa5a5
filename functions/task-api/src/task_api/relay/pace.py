"""How fast the relay may go: full speed, or one probe now and then while the broker is in trouble."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0


class Pace:
    """Rows keep their own back-off; this keeps an outage from costing an attempt per row.

    `full` failures in a row, or one refusal, leave one event in flight at growing distances. Any accepted
    event ends it.
    """

    def __init__(
        self,
        full: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._full = full
        self._clock = clock
        self._jitter = jitter
        self._failures = 0
        self._pauses = 0
        self._until = 0.0
        self.refused = False

    @property
    def troubled(self) -> bool:
        return self._pauses > 0

    def room(self) -> int:
        """How many events may be in flight now."""
        if not self.troubled:
            return self._full
        return 0 if self._clock() < self._until else 1

    def remaining(self) -> float:
        return max(0.0, self._until - self._clock())

    def accepted(self) -> None:
        self._failures = self._pauses = 0
        self.refused = False

    def failed(self) -> None:
        self._failures += 1
        if self.troubled or self._failures >= self._full:
            self._pause()

    def refuse(self) -> None:
        self.refused = True
        self._pause()

    def _pause(self) -> None:
        # What was in flight when the trouble began reports the same trouble, not more of it.
        if self.troubled and self._clock() < self._until:
            return
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0**self._pauses)
        self._until = self._clock() + longest * (0.5 + self._jitter() / 2)
        self._pauses += 1
