from __future__ import annotations

from http import HTTPStatus

import httpx
import pytest

from e2e.conftest import Stage
from e2e.polling import eventually
from e2e.systems.gateway import Gateway


def _accepted_versions(broker: Gateway, task_id: int) -> list[int]:
    """Versions in the order of their first acceptance."""
    versions = [event.version for event in broker.accepted if event.subject == f"tasks/{task_id}"]
    return list(dict.fromkeys(versions))


@pytest.mark.parametrize(
    "status", [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_FOUND]
)
def test_a_broker_that_refuses_delays_events_and_nothing_else(stage: Stage, status: HTTPStatus) -> None:
    _, client = stage.user()
    stage.broker.answers(status)

    task_id = client.create()["task_id"]  # raises unless 201
    client.change(task_id, title="two")
    client.change(task_id, completed=True)
    assert not stage.database.counted(task_id)
    stage.broker.passes()
    eventually(lambda: len(stage.database.counted(task_id)) == 3, 60)

    assert _accepted_versions(stage.broker, task_id) == [1, 2, 3]


def test_a_broker_that_is_down_delays_events_and_nothing_else(stage: Stage) -> None:
    _, client = stage.user()
    (killed,) = stage.system.kill("broker")

    task_ids = [client.create(f"task {number}")["task_id"] for number in range(20)]
    eventually(lambda: stage.system.instances("broker") not in ([], [killed]), 30)
    # On a cluster a request to a broker that vanished is given up after a minute, and tried again after another.
    eventually(lambda: all(stage.database.counted(task_id) for task_id in task_ids), 180)

    assert [len(stage.database.counted(task_id)) for task_id in task_ids] == [1] * 20


@pytest.mark.parametrize(
    "status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED]
)
def test_a_misconfigured_broker_pauses_the_relay_and_parks_nothing(stage: Stage, status: HTTPStatus) -> None:
    _, client = stage.user()
    before = _pauses(stage)
    stage.broker.answers(status)

    task_ids = [client.create(f"task {number}")["task_id"] for number in range(5)]
    eventually(lambda: _pauses(stage) > before, 30)
    parked = stage.database.rows("SELECT * FROM tasks.outbox WHERE parked_at IS NOT NULL")
    stage.broker.passes()
    eventually(lambda: all(stage.database.counted(task_id) for task_id in task_ids), 60)

    assert parked == []


def _pauses(stage: Stage) -> int:
    """How often the relay said that it pauses."""
    return stage.system.log("task-api").count("the relay is paused")


def test_an_event_the_broker_refuses_for_good_is_parked_visible_and_sent_on_retry(stage: Stage) -> None:
    _, client = stage.user()
    stage.broker.answers(HTTPStatus.BAD_REQUEST)
    task_id = client.create()["task_id"]
    query = "SELECT event_id FROM tasks.outbox WHERE task_id = $1 AND parked_at IS NOT NULL"
    (row,) = eventually(lambda: stage.database.rows(query, task_id), 30)
    stage.broker.passes()

    client.change(task_id, title="later versions are not held back")
    eventually(lambda: [version for version, _ in stage.database.counted(task_id)] == [2], 30)
    listed = stage.system.run("task-api", "outbox", "--output", "json").stdout
    retried = stage.system.run("task-api", "outbox", "--retry", str(row["event_id"]))
    eventually(lambda: len(stage.database.counted(task_id)) == 2, 90)

    assert str(row["event_id"]) in listed
    assert retried.returncode == 0


def test_a_dead_letter_is_kept_with_its_reason_and_delays_nobody(stage: Stage) -> None:
    _, client = stage.user()
    poison = {
        "ce-id": "not-the-id-inside",
        "ce-source": "/task-api",
        "ce-type": "task.created",
        "ce-specversion": "1.0",
        "ce-partitionkey": "1",
        "content-type": "application/json",
    }
    for number in range(60):  # more than a Trigger has slots
        headers = poison | {"ce-id": f"poison-{client.http.headers['authorization'][-12:]}-{number}"}
        httpx.post(stage.system.url("broker"), headers=headers, content=b'{"no": "task"}').raise_for_status()

    task_id = client.create()["task_id"]
    eventually(lambda: stage.database.counted(task_id), 30)
    letters = eventually(lambda: _letters(stage, 60), 30)

    assert {letter["attributes"]["knativeerrorcode"] for letter in letters} == {"400"}
    assert all("knativeerrordest" in letter["attributes"] for letter in letters)


def _letters(stage: Stage, count: int) -> list[dict[str, dict[str, str]]]:
    letters = [one for one in stage.system.dead_letters() if one["attributes"]["id"].startswith("poison-")]
    return letters if len(letters) >= count else []
