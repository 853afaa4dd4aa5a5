from __future__ import annotations

from knative_local.autoscaler.delay import DelayWindow


def test_the_greatest_value_stays_for_the_whole_delay() -> None:
    delay = DelayWindow(10)

    assert [delay.greatest(now, value) for now, value in ((0, 5), (2, 1), (4, 2), (8, 1))] == [5, 5, 5, 5]
    assert delay.greatest(10, 1) == 2
    assert delay.greatest(14, 1) == 1


def test_a_greater_value_counts_at_once() -> None:
    delay = DelayWindow(10)
    delay.greatest(0, 1)

    assert delay.greatest(2, 9) == 9


def test_of_two_values_in_one_step_the_greater_counts() -> None:
    delay = DelayWindow(2)
    delay.greatest(0, 7)

    assert delay.greatest(1, 3) == 7
    assert delay.greatest(2, 3) == 3
