from __future__ import annotations

import pytest

from knative_local.autoscaler.meter import Meter


def test_concurrency_is_averaged_over_time() -> None:
    meter = Meter(0.0)
    meter.enter(0.0)
    meter.enter(0.5)
    meter.leave(0.75)

    concurrency, per_second = meter.report(1.0)

    assert concurrency == pytest.approx(1.25)
    assert per_second == 2


def test_a_request_that_lasts_counts_in_every_second() -> None:
    meter = Meter(0.0)
    meter.enter(0.0)

    assert meter.report(1.0) == (1.0, 1.0)
    assert meter.report(2.0) == (1.0, 0.0)


def test_two_reports_at_the_same_moment_do_not_divide_by_zero() -> None:
    meter = Meter(3.0)
    meter.enter(3.0)

    assert meter.report(3.0) == (0.0, 0.0)
