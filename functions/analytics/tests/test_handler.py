"""What counts, what is kept, what is nobody's business, and what can never be right."""

from __future__ import annotations

import msgspec
import pytest

from analytics.handler import Outcome, handle
from task_events import MalformedEvent

from .events import NOON, Memory, make_envelope, make_event


async def test_a_task_event_is_counted_once() -> None:
    memory, envelope = Memory(), make_envelope()
    assert await handle(envelope, memory) is Outcome.COUNTED
    assert await handle(envelope, memory) is Outcome.DUPLICATE


async def test_the_same_id_of_another_source_is_another_event() -> None:
    memory, envelope = Memory(), make_envelope()
    await handle(envelope, memory)
    assert await handle(msgspec.structs.replace(envelope, source="/elsewhere"), memory) is Outcome.COUNTED


async def test_a_row_carries_what_the_event_says() -> None:
    memory, event = Memory(), make_event(task_id=7, version=3, user_id="bob")
    await handle(make_envelope(event), memory)
    (row,) = memory.kept.values()
    assert (row.task_id, row.version, row.user_id, row.time) == (7, 3, "bob", NOON)
    assert (row.type, row.subject) == ("task.created", "tasks/7")
    assert msgspec.json.decode(row.data)["payload"]["task_id"] == 7


async def test_an_envelope_without_time_uses_the_time_in_the_data() -> None:
    memory = Memory()
    await handle(make_envelope(time=None), memory)
    assert [row.time for row in memory.kept.values()] == [NOON]


async def test_a_task_event_of_tomorrow_is_kept() -> None:
    memory = Memory()
    assert await handle(make_envelope(type="task.archived"), memory) is Outcome.KEPT
    assert [row.type for row in memory.kept.values()] == ["task.archived"]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "order.created"},
        {"type": "task.archived", "subject": None},
        {"type": "task.archived", "subject": "tasks/none"},
        {"type": "task.archived", "extensions": {"userid": "alice"}},
        {"type": "task.archived", "extensions": {"userid": "alice", "sequence": "9" * 20}},
        {"type": "task.archived", "time": None},
        {"type": "task.archived", "data": b""},
    ],
)
async def test_an_event_nobody_here_understands_is_accepted_and_left(changes: dict[str, object]) -> None:
    memory = Memory()
    assert await handle(make_envelope(**changes), memory) is Outcome.IGNORED
    assert memory.kept == {}


@pytest.mark.parametrize(
    ("envelope", "sentence"),
    [
        (make_envelope(make_event(version=2**63 - 1)), "out of range"),
        (make_envelope(make_event(user_id="*")), "stands for everyone"),
        (make_envelope(extensions={}), "sequence"),
        (make_envelope(data=b"{}"), "does not fit"),
    ],
)
async def test_what_can_never_be_counted_is_malformed(envelope: object, sentence: str) -> None:
    memory = Memory()
    with pytest.raises(MalformedEvent, match=sentence):
        await handle(envelope, memory)  # type: ignore[arg-type] # parametrize forgets the type
    assert memory.kept == {}
