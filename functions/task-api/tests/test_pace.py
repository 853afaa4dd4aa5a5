"""How fast the relay goes while the broker is in trouble; the clock is the test's."""

from __future__ import annotations

from task_api.relay.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _pace(full: int = 3) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(full, clock=clock, jitter=lambda: 1.0), clock


def test_a_few_failures_are_the_events_own_affair() -> None:
    pace, _ = _pace(full=3)
    pace.failed()
    pace.failed()
    assert pace.room() == 3


def test_an_accepted_event_forgets_failures() -> None:
    pace, _ = _pace(full=2)
    pace.failed()
    pace.accepted()
    pace.failed()
    assert pace.room() == 2


def test_failures_in_a_row_leave_a_probe_now_and_then() -> None:
    pace, clock = _pace(full=2)
    pace.failed()
    pace.failed()
    assert (pace.troubled, pace.refused, pace.room()) == (True, False, 0)
    clock.now += pace.remaining()
    assert pace.room() == 1


def test_pauses_grow_to_a_limit() -> None:
    pace, clock = _pace(full=1)
    pauses = []
    for _ in range(9):
        pace.failed()
        pauses.append(pace.remaining())
        clock.now += pace.remaining()
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]


def test_failures_that_were_in_flight_do_not_prolong_a_pause() -> None:
    pace, _ = _pace(full=1)
    pace.failed()
    before = pace.remaining()
    for _ in range(30):
        pace.failed()
    assert pace.remaining() == before


def test_one_refusal_pauses_at_once_and_one_acceptance_ends_it() -> None:
    pace, clock = _pace()
    pace.refuse()
    assert (pace.refused, pace.room()) == (True, 0)
    clock.now += pace.remaining()
    pace.accepted()
    assert (pace.refused, pace.troubled, pace.room()) == (False, False, 3)


def test_a_refused_relay_that_then_gets_no_answer_goes_on_probing_slowly() -> None:
    pace, clock = _pace(full=32)
    pace.refuse()
    clock.now += pace.remaining()
    pace.failed()
    assert pace.room() == 0
