"""
broker ──► a trigger per type ──► topics task.created, task.updated, task.completed, task.deleted
"""

from __future__ import annotations

from typing import Any

import msgspec

from e2e.conftest import Stage
from e2e.polling import eventually
from task_events import Task

TOPICS = ("task.created", "task.updated", "task.completed", "task.deleted")


def test_a_tasks_life_fills_the_four_topics_with_the_contracts_json(stage: Stage) -> None:
    user, client = stage.user()
    created = client.create("Buy groceries", notes="milk, für Käse", priority=1)
    task_id = created["task_id"]
    updated = client.change(task_id, title="Buy more")
    completed = client.change(task_id, completed=True)
    client.delete(task_id)
    eventually(lambda: all(_records(stage, topic, task_id) for topic in TOPICS), 30)

    found = {topic: _only(_records(stage, topic, task_id)) for topic in TOPICS}

    states = {"task.created": created, "task.updated": updated, "task.completed": completed}
    for topic, record in found.items():
        data, attributes = record["data"], record["attributes"]
        assert data.keys() == {"event_id", "event_type", "timestamp", "user_id", "payload"}
        assert (data["event_id"], data["event_type"]) == (attributes["id"], topic)
        assert (data["timestamp"], data["user_id"]) == (attributes["time"], user)
        assert attributes["datacontenttype"] == "application/json"
        assert record["key"] == str(task_id)
        if topic in states:
            assert data["payload"].keys() == states[topic].keys()
            assert _task(data["payload"]) == _task(states[topic])
    last = _task(found["task.deleted"]["data"]["payload"])
    assert last.deleted_at is not None
    before = _task(completed | {"version": 4})
    assert last == msgspec.structs.replace(before, deleted_at=last.deleted_at, updated_at=last.updated_at)
    assert [found[topic]["attributes"]["sequence"] for topic in TOPICS] == [f"{n:020}" for n in (1, 2, 3, 4)]


def test_a_topic_holds_its_own_type_only_and_a_tasks_events_in_their_order(stage: Stage) -> None:
    _, client = stage.user()
    task_ids = [client.create(f"task {number}")["task_id"] for number in range(5)]
    for title in ("one", "two", "three"):
        for task_id in task_ids:
            client.change(task_id, title=title)
    eventually(lambda: all(_updates(stage, task_id)[-1:] == ["three"] for task_id in task_ids), 30)

    assert all(_updates(stage, task_id) == ["one", "two", "three"] for task_id in task_ids)
    types = {record["attributes"]["type"] for record in stage.system.records("task.updated")}
    assert types == {"task.updated"}


def _task(state: dict[str, Any]) -> Task:
    """One instant can be written with and without trailing zeros."""
    return msgspec.convert(state, Task)


def _records(stage: Stage, topic: str, task_id: int) -> list[dict[str, Any]]:
    subject = f"tasks/{task_id}"
    return [one for one in stage.system.records(topic) if one["attributes"].get("subject") == subject]


def _only(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Copies of one event, for delivery is at least once."""
    assert len({record["attributes"]["id"] for record in records}) == 1
    assert all(record["data"] == records[0]["data"] for record in records)
    return records[0]


def _updates(stage: Stage, task_id: int) -> list[str]:
    """Titles in the order of the topic, each event once."""
    first: dict[str, str] = {}
    for record in _records(stage, "task.updated", task_id):
        first.setdefault(record["attributes"]["id"], record["data"]["payload"]["title"])
    return list(first.values())
