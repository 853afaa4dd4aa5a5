from __future__ import annotations

import pytest

from knative_local.autoscaler.buckets import Buckets


def filled(window: int, values: dict[int, float]) -> Buckets:
    buckets = Buckets(window)
    for second, value in values.items():
        buckets.record(second, value)
    return buckets


def test_without_values_the_average_is_zero() -> None:
    assert Buckets(5).average(10) == 0


def test_before_a_whole_window_has_passed_only_the_seconds_since_the_first_value_count() -> None:
    assert filled(60, {100: 2, 101: 4}).average(101) == 3


def test_values_of_one_second_are_added() -> None:
    buckets = Buckets(5)
    buckets.record(7.1, 2)
    buckets.record(7.9, 3)

    assert buckets.average(7.95) == 5


def test_a_gap_between_values_counts_as_zero() -> None:
    assert filled(10, {1: 6, 3: 6}).average(3) == 4


def test_a_value_leaves_with_the_window() -> None:
    assert filled(3, {1: 9, 2: 0, 3: 0}).average(3) == 3
    assert filled(3, {1: 9, 2: 0, 3: 0, 4: 0}).average(4) == 0


@pytest.mark.parametrize(("silent", "average"), [(0, 2), (1, 2), (4, 2), (5, 0), (50, 0)])
def test_silence_shrinks_the_divisor_until_the_window_has_passed(silent: int, average: float) -> None:
    buckets = filled(5, dict.fromkeys(range(10, 15), 2))

    assert buckets.average(14 + silent) == average


def test_the_divisor_never_exceeds_the_seconds_that_are_known() -> None:
    assert filled(60, {10: 5}).average(30) == 5


def test_after_a_silent_window_the_count_starts_anew() -> None:
    buckets = filled(5, {1: 50, 2: 50})
    buckets.record(20, 4)

    assert buckets.average(20) == 4


def test_sums_do_not_drift() -> None:
    buckets = Buckets(10)
    for tick in range(10_000):
        buckets.record(tick, 0.1)

    assert buckets.average(9_999) == 0.1
