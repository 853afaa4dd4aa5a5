"""Events on their way to the broker, whatever it answers."""

from __future__ import annotations

import itertools
import json

import httpx
import msgspec

from task_events import Task

from .api_process import command
from .conftest import StartApi
from .fake_broker import Broker
from .polling import until
from .rows import events, rows

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def create(client: httpx.Client, title: str = "Publish me") -> int:
    return int(client.post("/v1/tasks", json={"title": title}).raise_for_status().json()["task_id"])


def test_an_accepted_event_leaves_the_outbox(start: StartApi, broker: Broker, user_id: str) -> None:
    api = start(K_SINK=broker.url)
    with api.client(user_id) as client:
        answer = client.post("/v1/tasks", json={"title": "Buy milk"}).json()
    until(lambda: broker.deliveries(answer["task_id"]))
    until(lambda: events(api.database, answer["task_id"]) == [])
    (delivery,) = broker.deliveries(answer["task_id"])
    data = delivery.event.data
    assert delivery.request.path == "/task-system/tasks"
    assert delivery.request.headers["ce-type"] == "task.created"
    assert delivery.request.headers["ce-subject"] == f"tasks/{answer['task_id']}"
    assert delivery.request.headers["ce-partitionkey"] == str(answer["task_id"])
    assert data.payload == msgspec.convert(answer, Task)
    assert (data.user_id, data.event_type, delivery.event.version) == (user_id, "task.created", 1)
    assert until(lambda: api.metric('task_api_relay_attempts_total{outcome="accepted"}')) == 1


def test_the_callers_trace_travels_in_the_event(start: StartApi, broker: Broker, user_id: str) -> None:
    headers = {"traceparent": TRACEPARENT, "tracestate": "vendor=1"}
    with start(K_SINK=broker.url).client(user_id) as client:
        task_id = client.post("/v1/tasks", json={"title": "Traced"}, headers=headers).json()["task_id"]
        untraced = create(client)
    event = until(lambda: broker.deliveries(task_id))[0].event
    assert event.traceparent is not None
    assert event.traceparent.split("-")[1] == TRACEPARENT.split("-")[1]
    assert event.traceparent.split("-")[2] != TRACEPARENT.split("-")[2]
    assert event.tracestate == "vendor=1"
    other = until(lambda: broker.deliveries(untraced))[0].event.traceparent
    assert other is not None
    assert other.split("-")[1] != TRACEPARENT.split("-")[1]


def test_a_broker_that_is_busy_gets_the_same_event_again(
    start: StartApi, broker: Broker, user_id: str
) -> None:
    answers = iter([503, 404, 429])
    broker.status_of = lambda _: next(answers, 202)
    api = start(K_SINK=broker.url)
    with api.client(user_id) as client:
        task_id = create(client)
        until(lambda: broker.accepted(task_id))
    until(lambda: events(api.database, task_id) == [])
    deliveries = broker.deliveries(task_id)
    assert [delivery.status for delivery in deliveries] == [503, 404, 429, 202]
    assert len({delivery.event.data.event_id for delivery in deliveries}) == 1


def test_a_refused_event_is_parked_and_can_be_sent_after_all(
    start: StartApi, broker: Broker, user_id: str
) -> None:
    broker.status_of = lambda event: 400 if event.version == 1 else 202
    api = start(K_SINK=broker.url)
    with api.client(user_id) as client:
        task_id = create(client)
        until(lambda: api.metric("task_api_outbox_parked") == 1)
        client.patch(f"/v1/tasks/{task_id}", json={"completed": True}).raise_for_status()
        until(lambda: broker.accepted(task_id))  # the later version does not wait for the parked one
        until(lambda: events(api.database, task_id) == [(1, "task.created")])

        shown = command("outbox", "--parked", "--output", "json", DATABASE_URL=api.database)
        (row,) = json.loads(shown.stdout)
        assert (row["task_id"], row["version"], row["state"]) == (task_id, 1, "parked")
        assert "400" in row["last_error"]
        assert row["event_id"] in command("outbox", DATABASE_URL=api.database).stdout

        broker.status_of = lambda _: 202
        done = command("outbox", "--retry", row["event_id"], DATABASE_URL=api.database)
        assert done.returncode == 0, done.stderr
        assert client.post("/relay").status_code == 204
        until(lambda: len(broker.accepted(task_id)) == 2)
        until(lambda: events(api.database, task_id) == [])
    assert str(broker.accepted(task_id)[-1].event.data.event_id) == row["event_id"]


def test_a_broker_that_knows_us_not_pauses_the_relay_and_parks_nothing(
    start: StartApi, broker: Broker, user_id: str
) -> None:
    broker.status_of = lambda _: 401
    api = start(K_SINK=broker.url)
    with api.client(user_id) as client:
        tasks = [create(client) for _ in range(3)]
        until(lambda: api.metric("task_api_relay_paused") == 1)
        until(lambda: (api.metric('task_api_relay_attempts_total{outcome="pause"}') or 0) >= 2)
        assert api.metric("task_api_outbox_parked") == 0
        assert api.metric("task_api_outbox_waiting") == 3
        broker.status_of = lambda _: 202
        until(lambda: all(broker.accepted(task_id) for task_id in tasks))
    until(lambda: api.metric("task_api_relay_paused") == 0)
    until(lambda: rows(api.database, "SELECT FROM tasks.outbox") == [])


def test_two_processes_publish_the_versions_of_a_task_in_order(
    start: StartApi, broker: Broker, database: str, user_id: str
) -> None:
    number = itertools.count()
    broker.status_of = lambda _: 503 if next(number) % 5 == 1 else 202
    apis = [start(database=database, K_SINK=broker.url) for _ in range(2)]
    with apis[0].client(user_id) as one, apis[1].client(user_id) as other:
        tasks = [create(one) for _ in range(5)]
        for priority, task_id in itertools.product((1, 2, 4, 5), tasks):
            for client, title in ((one, "one"), (other, "other")):
                change = {"title": title, "priority": priority}
                client.patch(f"/v1/tasks/{task_id}", json=change).raise_for_status()
    until(lambda: rows(database, "SELECT FROM tasks.outbox") == [])
    for task_id in tasks:
        accepted = [delivery.event.version for delivery in broker.accepted(task_id)]
        firsts = list(dict.fromkeys(accepted))
        assert firsts == list(range(1, 10))


def test_a_broker_that_is_away_costs_no_request(start: StartApi, user_id: str) -> None:
    api = start(K_SINK="http://127.0.0.1:1/task-system/tasks")
    with api.client(user_id) as client:
        tasks = [create(client) for _ in range(5)]
        until(lambda: (api.metric('task_api_relay_attempts_total{outcome="retry"}') or 0) >= 1)
        assert [events(api.database, task_id) for task_id in tasks] == [[(1, "task.created")]] * 5
        assert api.metric("task_api_outbox_parked") == 0


def test_the_poke_sends_what_waits(start: StartApi, broker: Broker, database: str, user_id: str) -> None:
    """Written by a process without a broker; nobody tells the relay of the other one but the poke."""
    with start(database=database).client(user_id) as writer, relay_only(start, broker, database) as relay:
        assert relay.post("/relay").status_code == 204
        task_id = create(writer)

        def poked() -> object:
            assert relay.post("/relay").status_code == 204
            return broker.accepted(task_id)

        until(poked)


def relay_only(start: StartApi, broker: Broker, database: str) -> httpx.Client:
    return start(database=database, K_SINK=broker.url).anonymous()


def test_deliveries_of_different_tasks_do_not_wait_for_each_other(
    start: StartApi, broker: Broker, user_id: str
) -> None:
    with start(K_SINK=broker.url).client(user_id) as client:
        broker.status_of = lambda event: 503 if event.data.payload.title == "stuck" else 202
        stuck = create(client, "stuck")
        until(lambda: broker.deliveries(stuck))
        others = [create(client) for _ in range(5)]
        until(lambda: all(broker.accepted(task_id) for task_id in others))
    assert broker.accepted(stuck) == []
