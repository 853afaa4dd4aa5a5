"""The memory behind ``scale-down-delay``."""

from __future__ import annotations

import math
from collections import deque

from knative_local.autoscaler.settings import TICK_SECONDS


class DelayWindow:
    """The greatest value of the last `seconds`, in steps of one decision."""

    def __init__(self, seconds: float) -> None:
        self._steps = math.ceil(seconds / TICK_SECONDS)
        self._values: deque[tuple[int, int]] = deque()

    def greatest(self, now: float, value: int) -> int:
        """Remember `value` and return the greatest one that is not older than the window."""
        step = math.floor(now / TICK_SECONDS)
        while self._values and self._values[-1][1] <= value:
            self._values.pop()
        self._values.append((step, value))
        while step - self._values[0][0] >= self._steps:
            self._values.popleft()
        return self._values[0][1]
