"""The process as the platform sees it: signals, metrics, logs."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import httpx

from .api_process import ApiProcess
from .conftest import StartApi
from .fake_broker import Broker
from .polling import until
from .rows import rows, tasks_of
from .tokens import Signer

COUNTERS = (
    "task_api_relay_paused",
    "task_api_outbox_waiting",
    "task_api_outbox_parked",
    "task_api_outbox_oldest_age_seconds",
)


def test_a_process_that_is_told_to_stop_publishes_what_waits(
    start: StartApi, broker: Broker, user_id: str
) -> None:
    api = start(K_SINK=broker.url)
    with api.client(user_id) as client:
        tasks = [client.post("/v1/tasks", json={"title": "x"}).json()["task_id"] for _ in range(30)]
    api.terminate()
    assert api.exit_code() == 0
    assert all(broker.accepted(task_id) for task_id in tasks)
    assert rows(api.database, "SELECT FROM tasks.outbox") == []


def test_a_process_that_is_told_to_stop_keeps_what_a_dead_broker_did_not_take(
    start: StartApi, broker: Broker, user_id: str
) -> None:
    broker.status_of = lambda _: 503
    api = start(K_SINK=broker.url, SHUTDOWN_GRACE_SECONDS="2")
    with api.client(user_id) as client:
        task_id = client.post("/v1/tasks", json={"title": "x"}).json()["task_id"]
    until(lambda: broker.deliveries(task_id))
    api.terminate()
    assert api.exit_code() == 0
    (row,) = rows(api.database, "SELECT * FROM tasks.outbox")
    assert (row["task_id"], row["leased_until"]) == (task_id, None)


def test_an_open_request_is_answered_before_the_process_ends(
    start: StartApi, signer: Signer, user_id: str
) -> None:
    api = start()
    at = urlsplit(api.url)
    body = json.dumps({"title": "Half sent"}).encode()
    head = (
        f"POST /v1/tasks HTTP/1.1\r\nhost: {at.netloc}\r\nauthorization: Bearer {signer.token(user_id)}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        api.terminate()
        api.log_line("stopping")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")
    assert api.exit_code() == 0
    assert len(tasks_of(api.database, user_id)) == 1


def test_readiness_ends_before_service_does(start: StartApi, user_id: str) -> None:
    api = start(DRAIN_DELAY_SECONDS="15")
    with api.client(user_id) as client:
        assert client.get("/readyz").status_code == 200
        api.terminate()
        api.log_line("stopping")
        answer = client.get("/readyz")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert "retry-after" in answer.headers
        assert client.post("/v1/tasks", json={"title": "Still served"}).status_code == 201


def test_metrics_have_a_port_of_their_own(api: ApiProcess, client: httpx.Client) -> None:
    metrics_url = api.log_line("listening")["metrics_url"]
    assert urlsplit(metrics_url).port != urlsplit(api.url).port
    assert client.get("/metrics").status_code == 404
    page = httpx.get(metrics_url)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain; version=")
    assert [name for name in COUNTERS if api.metric(name) is None] == []


def test_requests_are_counted_by_route_and_status(api: ApiProcess, client: httpx.Client) -> None:
    sample = (
        'task_api_http_request_duration_seconds_count{method="GET",route="/v1/tasks/{task_id}",status="404"}'
    )
    before = api.metric(sample) or 0
    for task_id in (2**61, 2**61 + 1):
        assert client.get(f"/v1/tasks/{task_id}").status_code == 404
    assert until(lambda: (api.metric(sample) or 0) - before) == 2


def test_waiting_events_are_counted(start: StartApi, user_id: str) -> None:
    api = start()
    with api.client(user_id) as client:
        client.post("/v1/tasks", json={"title": "Nobody takes it"})
    assert api.metric("task_api_outbox_waiting") == 1
    assert (api.metric("task_api_outbox_oldest_age_seconds") or 0) > 0


def test_the_access_line_names_the_trace(start: StartApi, user_id: str) -> None:
    api = start()
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with api.client(user_id) as client:
        client.get("/v1/tasks", headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
    line = api.log_line("request")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/tasks", 200)
    assert line["trace_id"] == trace_id
