from __future__ import annotations

import dataclasses

import pytest

from knative_local.autoscaler.decider import Decision
from knative_local.autoscaler.reconciler import Activity, Reconciler
from knative_local.autoscaler.settings import Scaling

SCALING = Scaling(stable_window=60, scale_to_zero_grace_period=30.0)
BUSY = Decision(1, -1.0, panicking=False)
IDLE = Decision(0, -1.0, panicking=False)


def wants(desired: int) -> Decision:
    return dataclasses.replace(BUSY, desired=desired)


def active(scaling: Scaling = SCALING) -> Reconciler:
    reconciler = Reconciler(scaling, 0.0)
    reconciler.reconcile(1.0, BUSY, ready=max(1, scaling.min_scale))
    assert reconciler.activity is Activity.ACTIVE
    return reconciler


def test_a_new_revision_starts_with_its_initial_scale() -> None:
    assert Reconciler(Scaling(initial_scale=3), 0.0).wanted == 3
    assert Reconciler(Scaling(initial_scale=0), 0.0).wanted == 0
    assert Reconciler(Scaling(min_scale=2), 0.0).wanted == 2


def test_the_initial_scale_is_kept_until_it_was_reached_once() -> None:
    reconciler = Reconciler(Scaling(initial_scale=3), 0.0)

    assert reconciler.reconcile(2.0, wants(1), ready=1) == 3
    assert reconciler.reconcile(4.0, wants(1), ready=3) == 1


def test_no_traffic_takes_nothing_away_while_the_first_instance_starts() -> None:
    reconciler = Reconciler(SCALING, 0.0)

    assert [reconciler.reconcile(now, IDLE, ready=0) for now in (2.0, 100.0, 600.0)] == [1, 1, 1]


def test_who_does_not_come_up_within_its_progress_deadline_is_given_up() -> None:
    reconciler = Reconciler(SCALING, 0.0)
    reconciler.reconcile(2.0, IDLE, ready=0)

    assert reconciler.reconcile(631.0, IDLE, ready=0) == 0
    assert reconciler.activity is Activity.INACTIVE


def test_bounds_hold() -> None:
    reconciler = active(Scaling(min_scale=2, max_scale=5))

    assert reconciler.reconcile(2.0, wants(0), ready=2) == 2
    assert reconciler.reconcile(4.0, wants(9), ready=2) == 5


def test_an_active_revision_goes_to_zero_after_its_window() -> None:
    reconciler = active()

    assert reconciler.reconcile(60.0, IDLE, ready=1) == 1
    assert reconciler.reconcile(62.0, IDLE, ready=1) == 1
    assert reconciler.activity is Activity.INACTIVE
    assert reconciler.reconcile(64.0, IDLE, ready=1) == 0


def test_who_was_not_served_through_the_activator_waits_for_the_grace_period() -> None:
    reconciler = active()
    reconciler.reconcile(50.0, dataclasses.replace(BUSY, excess_burst_capacity=5.0), ready=1)
    reconciler.reconcile(62.0, IDLE, ready=1)

    assert reconciler.reconcile(90.0, IDLE, ready=1) == 1
    assert reconciler.reconcile(92.0, IDLE, ready=1) == 0


def test_the_last_instance_is_retained_as_long_as_asked() -> None:
    reconciler = active(dataclasses.replace(SCALING, pod_retention_period=300.0))
    reconciler.reconcile(62.0, IDLE, ready=1)

    assert reconciler.reconcile(361.0, IDLE, ready=1) == 1
    assert reconciler.reconcile(362.0, IDLE, ready=1) == 0


def test_a_request_on_the_way_down_makes_it_active_again() -> None:
    reconciler = active()
    reconciler.reconcile(62.0, IDLE, ready=1)
    reconciler.reconcile(63.0, BUSY, ready=1)

    assert reconciler.activity is Activity.ACTIVE
    assert [reconciler.reconcile(now, IDLE, ready=1) for now in (70.0, 122.0, 124.0, 126.0)] == [1, 1, 1, 0]


def test_a_request_at_zero_brings_one_back() -> None:
    reconciler = active()
    for now in (62.0, 64.0):
        reconciler.reconcile(now, IDLE, ready=1)
    assert reconciler.wanted == 0

    assert reconciler.reconcile(70.0, BUSY, ready=0) == 1
    assert reconciler.activity is Activity.ACTIVATING


@pytest.mark.parametrize("now", [62.0, 1000.0])
def test_scale_to_zero_can_be_switched_off(now: float) -> None:
    assert active(dataclasses.replace(SCALING, enable_scale_to_zero=False)).reconcile(now, IDLE, ready=1) == 1
