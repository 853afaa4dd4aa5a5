"""
curl ──► task-api ──► outbox ──► relay ──► broker ──► trigger ──► analytics ──► numbers
"""

from __future__ import annotations

import random

import httpx
import msgspec

from e2e.conftest import Stage
from e2e.polling import eventually
from task_events import TaskEvent, TaskEventData, to_structured


def test_a_tasks_life_is_counted(stage: Stage) -> None:
    user, client = stage.user()

    first, second = client.create("one")["task_id"], client.create("two")["task_id"]
    client.change(first, title="one, edited")
    client.change(first, completed=True)
    client.delete(second)
    eventually(
        lambda: len(stage.database.counted(first)) == 3 and len(stage.database.counted(second)) == 2, 30
    )

    assert stage.database.counted(first) == [(1, "task.created"), (2, "task.updated"), (3, "task.completed")]
    assert stage.database.counted(second) == [(1, "task.created"), (2, "task.deleted")]
    summary = stage.database.summary(user)
    assert (summary["tasks_open"], summary["tasks_done"], summary["completion_rate"]) == (0, 1, 1.0)


def test_a_change_that_changes_nothing_is_no_event(stage: Stage) -> None:
    _, client = stage.user()
    task = client.create(title="same")

    unchanged = client.change(task["task_id"], title="same")
    client.change(task["task_id"], title="other")
    eventually(lambda: len(stage.database.counted(task["task_id"])) == 2, 30)

    assert unchanged["version"] == 1
    assert [version for version, _ in stage.database.counted(task["task_id"])] == [1, 2]


def test_a_foreign_task_is_not_found(stage: Stage) -> None:
    _, owner = stage.user()
    _, other = stage.user()

    response = other.http.get(f"/v1/tasks/{owner.create()['task_id']}")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_duplicates_and_any_order_through_the_broker_count_once(stage: Stage) -> None:
    """The events of one real life, sent again in structured mode, three times each, shuffled."""
    user, client = stage.user()
    task_id = client.create()["task_id"]
    client.change(task_id, priority=1)
    client.change(task_id, completed=True)
    eventually(lambda: len(stage.database.counted(task_id)) == 3, 30)
    before = stage.database.summary(user)

    query = "SELECT data::text AS data, version FROM analytics.event WHERE task_id = $1"
    events = [_stored(row["data"], row["version"]) for row in stage.database.rows(query, task_id)] * 3
    random.Random(1).shuffle(events)
    for event in events:
        headers, body = to_structured(event)
        httpx.post(stage.system.url("broker"), headers=headers, content=body).raise_for_status()
    marker = client.create("marker")["task_id"]
    eventually(lambda: stage.database.counted(marker), 30)
    eventually(stage.system.is_idle, 90, stage.system.describe)

    assert len(stage.database.counted(task_id)) == 3
    after = stage.database.summary(user)
    assert after["tasks_done"] == before["tasks_done"] == 1
    assert after["tasks_open"] == before["tasks_open"] + 1  # the marker


def _stored(data: str, version: int) -> TaskEvent:
    return TaskEvent(data=msgspec.json.decode(data, type=TaskEventData), version=version)


def test_the_stored_numbers_equal_their_recomputation(stage: Stage) -> None:
    _, client = stage.user()
    task_id = client.create()["task_id"]
    client.delete(task_id)
    client.restore(task_id)
    eventually(lambda: len(stage.database.counted(task_id)) == 3, 30)

    check = stage.system.run("analytics", "recompute", "--check")

    assert check.returncode == 0, check.stdout + check.stderr
