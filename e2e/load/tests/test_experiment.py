"""What a load says at its end, and a watch over a system that does not always answer."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time

from e2e.load.driving import Burst, Driver
from e2e.load.errors import LoadError
from e2e.load.experiment import Experiment
from e2e.load.hey import Answer
from e2e.load.plan import Load
from e2e.load.sampling import Replicas, Sample, State
from e2e.load.watching import Watch


class Unsteady:
    """Every second question stays without an answer."""

    def __init__(self) -> None:
        self._questions = itertools.count(1)

    async def state(self) -> State:
        if next(self._questions) % 2:
            raise LoadError("the system is busy")
        return state(1, 1)


def state(ready: int, desired: int) -> State:
    return State({"task-api": Replicas(ready, desired, 1), "analytics": Replicas(0, 0, 0)}, 0)


def experiment(*samples: Sample, answers: int = 2) -> Experiment:
    """It sent two requests, and had this many answers."""
    watch = Watch(Unsteady(), None, time.monotonic, list(samples))
    driver = Driver("hey", {}, time.monotonic)
    acknowledged = [Answer(0.1, 0.1, 201, [])] * answers
    driver.bursts.append(Burst("user", "100%", 0.0, 1.0, 2, acknowledged))
    return Experiment(Load(1, 1, 0), driver, watch, patience=60)


def test_a_load_after_which_everything_is_as_before_has_no_fault() -> None:
    done = experiment(
        Sample(0, state(1, 1), 0, 0), Sample(1, state(2, 2), 0, 0), Sample(2, state(1, 1), 0, 2)
    )

    assert list(done.faults()) == []
    assert done.result() == "2 sent, 0 errors, 2 counted, task-api 1→2→1, analytics 0→0→0"


def test_a_service_that_does_not_come_back_is_a_fault() -> None:
    done = experiment(Sample(0, state(2, 1)))

    assert list(done.faults()) == ["task-api is not back at 1 after 60 s: 2 ready, 1 desired"]


def test_what_is_acknowledged_and_not_counted_is_a_fault_and_so_is_what_is_counted_twice() -> None:
    for counted in (1, 3):
        done = experiment(Sample(0, state(1, 1), 0, counted))

        assert list(done.faults()) == [f"2 were acknowledged, {counted} are counted"]


def test_a_request_without_an_answer_is_a_fault() -> None:
    done = experiment(Sample(0, state(1, 1), 0, 1), answers=1)

    assert list(done.faults()) == ["1 of 2 requests failed (no answer: 1)"]


def test_replicas_that_were_wanted_and_never_came_are_said() -> None:
    done = experiment(Sample(0, state(1, 3)), Sample(1, state(1, 1)))

    assert "task-api 1→1→1 (3 desired), " in done.result()


async def test_a_system_that_does_not_answer_at_times_is_watched_on() -> None:
    watch = Watch(Unsteady(), None, time.monotonic)

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(watch.run(), 2.2)

    assert watch.missed >= 1
    assert len(watch.samples) >= 1
