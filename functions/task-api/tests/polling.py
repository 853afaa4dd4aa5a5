"""Waiting for what another process does: no event of ours tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SECONDS = 20.0


def until(condition: Callable[[], T], seconds: float = SECONDS) -> T:
    """Return the first true value; fail rather than wait for ever."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise TimeoutError(f"not within {seconds} seconds")
