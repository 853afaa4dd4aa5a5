"""The cluster's defaults: the keys of Knative's ConfigMap ``config-autoscaler``."""

from __future__ import annotations

import msgspec


class ClusterDefaults(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """Durations as Go writes them; the values are those that Knative ships."""

    container_concurrency_target_percentage: float = 70.0
    container_concurrency_target_default: float = 100.0
    requests_per_second_target_default: float = 200.0
    target_burst_capacity: float = 211.0
    stable_window: str = "60s"
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    enable_scale_to_zero: bool = True
    scale_to_zero_grace_period: str = "30s"
    scale_to_zero_pod_retention_period: str = "0s"
    scale_down_delay: str = "0s"
    initial_scale: int = 1
    allow_zero_initial_scale: bool = False
    min_scale: int = 0
    max_scale: int = 0
    max_scale_limit: int = 0
    activation_scale: int = 1
