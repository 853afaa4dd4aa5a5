"""Histories nobody would write down: tasks that live, and the ways their events may arrive."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta

from hypothesis import strategies as st

from task_events import EventType, TaskEvent

from .events import NOON, make_event

_STEPS = {
    EventType.UPDATED: ("edit", "reopen", "restore"),
    EventType.COMPLETED: ("complete",),
    EventType.DELETED: ("delete",),
}
_TYPE_OF = {step: event_type for event_type, steps in _STEPS.items() for step in steps}
_PAUSES = st.sampled_from([0, 0.017, 3, 90, 3_600, 5 * 3_600, 30 * 3_600])


@st.composite
def histories(draw: st.DrawFn) -> list[TaskEvent]:
    """Some tasks' events, each task's versions complete; only some name their times in the payload."""
    tasks = draw(st.integers(1, 4))
    return [event for task_id in range(1, tasks + 1) for event in draw(_lives(task_id))]


@st.composite
def _lives(draw: st.DrawFn, task_id: int) -> list[TaskEvent]:
    steps = draw(st.lists(st.sampled_from(sorted(_TYPE_OF)), max_size=5))
    user = draw(st.sampled_from(["alice", "bob"]))
    moments = _moments(NOON, draw(st.lists(_PAUSES, min_size=len(steps), max_size=len(steps))))
    # The payload's times are the database's, whose clock may be another; or they are not there at all.
    clock = timedelta(seconds=draw(st.sampled_from([-2, 0, 5])))
    begun = next(moments)
    life = [make_event(task_id=task_id, user_id=user, time=begun, created_at=draw(_stated(begun + clock)))]
    completed_at: datetime | None = None
    for step, time in zip(steps, moments, strict=True):
        if step == "complete":
            completed_at = time
        elif step == "reopen":
            completed_at = None
        elif step == "edit":
            user = draw(st.sampled_from(["alice", "bob"]))  # a task may change hands
        life.append(
            make_event(
                _TYPE_OF[step],
                task_id=task_id,
                version=len(life) + 1,
                user_id=user,
                time=time,
                completed=completed_at is not None,
                created_at=draw(_stated(begun + clock)),
                completed_at=draw(_stated(completed_at)),
            )
        )
    return life


def _stated(time: datetime | None) -> st.SearchStrategy[datetime | None]:
    return st.sampled_from([time, None])


def _moments(start: datetime, pauses: list[float]) -> Iterator[datetime]:
    return itertools.accumulate(
        (timedelta(seconds=pause) for pause in pauses), datetime.__add__, initial=start
    )


@st.composite
def deliveries(draw: st.DrawFn, history: list[TaskEvent]) -> list[list[TaskEvent]]:
    """Every event at least once, some again, in any order, in waves of concurrent deliveries."""
    again = draw(st.lists(st.sampled_from(history), max_size=len(history)))
    order = draw(st.permutations([*history, *again]))
    size = draw(st.integers(1, len(order)))
    return [list(order[at : at + size]) for at in range(0, len(order), size)]
