"""Vectors by hand from Knative's rules; times are seconds."""

from __future__ import annotations

import dataclasses

import pytest

from knative_local.autoscaler.decider import Decider
from knative_local.autoscaler.settings import Scaling

TEN = Scaling(target=10.0, total_per_instance=10.0, stable_window=60)


def fed(scaling: Scaling, values: dict[range, float]) -> Decider:
    decider = Decider(scaling)
    for seconds, value in values.items():
        for second in seconds:
            decider.record(second, value)
    return decider


@pytest.mark.parametrize(
    ("concurrency", "desired"), [(0, 0), (0.01, 1), (10, 1), (10.01, 2), (35, 4), (100, 10)]
)
def test_enough_instances_are_wanted_for_the_average(concurrency: float, desired: int) -> None:
    assert fed(TEN, {range(60): concurrency}).decide(59, ready=desired).desired == desired


def test_without_traffic_nothing_is_wanted() -> None:
    assert Decider(TEN).decide(100, ready=1).desired == 0


def test_a_single_request_at_zero_wants_one_instance() -> None:
    decider = fed(TEN, {range(100): 0})
    decider.record(100, 1)

    assert decider.decide(100, ready=0).desired == 1


def test_the_number_shrinks_by_no_more_than_half_per_decision() -> None:
    decider = fed(TEN, {range(60): 1})

    assert decider.decide(59, ready=8).desired == 4


def test_one_instance_may_shrink_to_none() -> None:
    assert fed(TEN, {range(60): 0}).decide(59, ready=1).desired == 0


def test_the_number_grows_by_no_more_than_the_rate() -> None:
    slow = dataclasses.replace(TEN, max_scale_up_rate=1.1)

    assert fed(slow, {range(60): 1000}).decide(59, ready=2).desired == 3


def test_twice_the_capacity_in_the_short_window_is_panic() -> None:
    calm = fed(TEN, {range(60): 10})
    assert not calm.decide(59, ready=1).panicking

    surge = fed(TEN, {range(54): 0, range(54, 60): 20})
    decision = surge.decide(59, ready=1)

    assert decision.panicking
    assert decision.desired == 2  # the long window alone would want one


def test_panic_never_shrinks_and_ends_one_stable_window_after_the_surge() -> None:
    decider = fed(TEN, {range(54): 0, range(54, 60): 60})
    assert decider.decide(59, ready=1).desired == 6

    for second in range(60, 130):
        decider.record(second, 1)
    assert decider.decide(119, ready=6).desired == 6
    after = decider.decide(130, ready=6)

    assert not after.panicking
    assert after.desired == 3


def test_every_surge_prolongs_the_panic() -> None:
    decider = fed(TEN, {range(6): 60})
    decider.decide(5, ready=1)
    for second in range(30, 36):
        decider.record(second, 80)
    decider.decide(35, ready=1)

    assert decider.decide(90, ready=8).panicking
    assert not decider.decide(96, ready=8).panicking


def test_the_panic_window_is_a_part_of_the_stable_one_and_at_least_a_second() -> None:
    assert Scaling(stable_window=60).panic_window == 6
    assert Scaling(stable_window=6).panic_window == 1
    assert Scaling(stable_window=65, panic_window_percentage=10).panic_window == 7
    assert Scaling(stable_window=6, panic_window_percentage=1).panic_window == 1


def test_activation_brings_the_activation_scale() -> None:
    three = dataclasses.replace(TEN, activation_scale=3)
    decider = Decider(three)
    assert decider.decide(0, ready=0).desired == 0
    decider.record(1, 1)

    assert decider.decide(1, ready=0).desired == 3


def test_scale_down_waits_for_the_delay() -> None:
    patient = dataclasses.replace(TEN, scale_down_delay=30.0)
    decider = fed(patient, {range(60): 40})
    assert decider.decide(59, ready=4).desired == 4
    for second in range(60, 130):
        decider.record(second, 0)

    assert decider.decide(70, ready=4).desired == 4
    assert decider.decide(121, ready=4).desired == 2


@pytest.mark.parametrize(
    ("burst", "ready", "excess"), [(0.0, 1, 0.0), (-1.0, 5, -1.0), (211.0, 1, -211.0), (5.0, 3, 15.0)]
)
def test_the_excess_burst_capacity_says_whether_the_activator_stays_in_the_path(
    burst: float, ready: int, excess: float
) -> None:
    scaling = dataclasses.replace(TEN, target_burst_capacity=burst)

    assert fed(scaling, {range(60): 10}).decide(59, ready).excess_burst_capacity == excess
