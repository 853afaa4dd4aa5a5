"""How many instances the traffic asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from knative_local.autoscaler.buckets import Buckets
from knative_local.autoscaler.delay import DelayWindow
from knative_local.autoscaler.settings import Scaling


@dataclass(frozen=True)
class Decision:
    """`excess_burst_capacity` below zero keeps the activator in the path."""

    desired: int
    excess_burst_capacity: float
    panicking: bool


class Decider:
    """One revision's stable and panic windows, and what follows from them."""

    def __init__(self, scaling: Scaling) -> None:
        self._scaling = scaling
        self._stable = Buckets(scaling.stable_window)
        self._panic = Buckets(scaling.panic_window)
        self._delay = DelayWindow(scaling.scale_down_delay) if scaling.scale_down_delay > 0 else None
        self._panic_since: float | None = None
        self._most_in_panic = 0

    def record(self, now: float, value: float) -> None:
        """`value` is the average concurrency, or the requests, of one second."""
        self._stable.record(now, value)
        self._panic.record(now, value)

    def decide(self, now: float, ready: int) -> Decision:
        panic_value = self._panic.average(now)
        stable = math.ceil(self._stable.average(now) / self._scaling.target)
        panic = math.ceil(panic_value / self._scaling.target)
        self._update_panic(now, panic, ready)
        desired = self._limited(stable, ready)
        if self._panic_since is not None:
            # While it panics the number only grows.
            desired = self._most_in_panic = max(self._most_in_panic, desired, self._limited(panic, ready))
        if self._delay is not None:
            desired = self._delay.greatest(now, desired)
        return Decision(desired, self._excess(ready, panic_value), self._panic_since is not None)

    def _limited(self, wanted: int, ready: int) -> int:
        """Grow and shrink by no more than the rates allow, then raise to the activation scale."""
        base = max(1, ready)
        floor = math.floor(base / self._scaling.max_scale_down_rate)
        ceiling = math.ceil(self._scaling.max_scale_up_rate * base)
        limited = min(max(wanted, floor), ceiling)
        return max(limited, self._scaling.activation_scale) if wanted > 0 else limited

    def _update_panic(self, now: float, panic: int, ready: int) -> None:
        if panic / max(1, ready) >= self._scaling.panic_threshold_percentage / 100:
            self._panic_since = now
        elif self._panic_since is not None and now > self._panic_since + self._scaling.stable_window:
            self._panic_since = None
            self._most_in_panic = 0

    def _excess(self, ready: int, panic_value: float) -> float:
        burst = self._scaling.target_burst_capacity
        if burst <= 0:
            return burst
        return math.floor(ready * self._scaling.total_per_instance - burst - panic_value)
