"""From what the traffic asks for to the number of instances: bounds, and the careful way to zero."""

from __future__ import annotations

from enum import Enum, auto

from knative_local.autoscaler.decider import Decision
from knative_local.autoscaler.settings import ACTIVATION_BUFFER_SECONDS, Scaling


class Activity(Enum):
    ACTIVATING = auto()
    ACTIVE = auto()
    INACTIVE = auto()


class Reconciler:
    """Remembers since when a revision is active, idle, or served through the activator."""

    def __init__(self, scaling: Scaling, now: float) -> None:
        self._scaling = scaling
        self.wanted = max(scaling.initial_scale, scaling.min_scale)
        self.activity = Activity.ACTIVATING if self.wanted else Activity.INACTIVE
        self._since = now
        self._proxied_since: float | None = now
        self._reached_initial_scale = False

    def reconcile(self, now: float, decision: Decision, ready: int) -> int:
        """The number of instances there should be from now on."""
        self._reached_initial_scale |= ready >= self._scaling.initial_scale
        desired = self._bounded(decision.desired)
        idle = desired == 0
        if not idle:
            self.wanted = desired
        elif self._may_shrink_to_zero(now):
            self.wanted = 0
        elif self.activity is Activity.ACTIVE and not self._active_for_long(now):
            self.wanted = 1
        self._update_activity(now, ready, idle=idle)
        self._update_proxying(now, decision, ready, idle=idle)
        return self.wanted

    def _bounded(self, desired: int) -> int:
        least, most = self._scaling.min_scale, self._scaling.max_scale
        if not self._reached_initial_scale and self._scaling.initial_scale > 1:
            least = max(least, self._scaling.initial_scale)
        if not self._scaling.enable_scale_to_zero:
            least = max(least, 1)
        desired = max(desired, least)
        return min(desired, most) if most else desired

    def _may_shrink_to_zero(self, now: float) -> bool:
        lasted = now - self._since
        match self.activity:
            case Activity.ACTIVATING:
                return lasted > self._scaling.progress_deadline + ACTIVATION_BUFFER_SECONDS
            case Activity.ACTIVE:
                return False
            case Activity.INACTIVE:
                proxied = now - self._proxied_since if self._proxied_since is not None else 0.0
                return lasted >= self._scaling.pod_retention_period and (
                    max(proxied, lasted) >= self._scaling.scale_to_zero_grace_period
                )

    def _active_for_long(self, now: float) -> bool:
        return now - self._since >= self._scaling.stable_window

    def _update_activity(self, now: float, ready: int, *, idle: bool) -> None:
        active_for_long = self.activity is Activity.ACTIVE and self._active_for_long(now)
        if idle and (self.wanted == 0 or self.activity is Activity.INACTIVE or active_for_long):
            self._become(Activity.INACTIVE, now)
        elif ready >= max(1, self._scaling.min_scale):
            self._become(Activity.ACTIVE, now)
        else:
            self._become(Activity.ACTIVATING, now)

    def _become(self, activity: Activity, now: float) -> None:
        if activity is not self.activity:
            self.activity = activity
            self._since = now

    def _update_proxying(self, now: float, decision: Decision, ready: int, *, idle: bool) -> None:
        proxied = idle or ready == 0 or decision.excess_burst_capacity < 0
        if not proxied:
            self._proxied_since = None
        elif self._proxied_since is None:
            self._proxied_since = now
