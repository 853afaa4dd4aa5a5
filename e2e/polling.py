"""Waiting without sleeping blindly: a condition, a deadline, and what to say when it passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.05


def eventually(condition: Callable[[], T], seconds: float, explain: Callable[[], object] = lambda: "") -> T:
    """Return the first truthy result; fail with `explain()` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {explain()}"
        time.sleep(PAUSE)
    return result
