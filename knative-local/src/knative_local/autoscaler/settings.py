"""What steers one revision's autoscaler: its annotations over the cluster's defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

TICK_SECONDS = 2.0  # Knative decides that often
REPORT_SECONDS = 1.0  # and its queue-proxies report that often
ACTIVATION_BUFFER_SECONDS = 30.0  # a revision may take that much longer than its progress deadline


@dataclass(frozen=True)
class Scaling:
    """Every number resolved; the defaults are those of Knative 1.23."""

    metric: Literal["concurrency", "rps"] = "concurrency"
    total_per_instance: float = 100.0  # what one instance can take
    target: float = 70.0  # what one instance should get
    min_scale: int = 0
    max_scale: int = 0  # 0: no limit
    initial_scale: int = 1
    activation_scale: int = 1
    stable_window: int = 60
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    scale_down_delay: float = 0.0
    target_burst_capacity: float = 211.0
    enable_scale_to_zero: bool = True
    scale_to_zero_grace_period: float = 30.0
    pod_retention_period: float = 0.0
    progress_deadline: float = 600.0

    @classmethod
    def fixed(cls, instances: int, *, progress_deadline: float) -> Self:
        """As many as that, whatever the load."""
        return cls(
            min_scale=instances,
            max_scale=instances,
            initial_scale=instances,
            progress_deadline=progress_deadline,
        )

    @property
    def panic_window(self) -> int:
        # Half up as Go rounds, not half to even.
        return max(1, int(self.stable_window * self.panic_window_percentage / 100 + 0.5))
