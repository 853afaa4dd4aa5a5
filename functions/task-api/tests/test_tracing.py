"""Spans, as a real collector would get them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .api_process import ApiProcess, command
from .conftest import StartApi
from .fake_broker import Broker
from .fake_collector import Collector, Span, collector_serving
from .polling import until
from .rows import rows

TRACE_ID, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01", "tracestate": "vendor=1"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collector_serving() as collector:
        yield collector


def traced(collector: Collector, **more: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50", **more}


def create(api: ApiProcess, user_id: str, **headers: str) -> int:
    with api.client(user_id) as client:
        answer = client.post("/v1/tasks", json={"title": "Traced"}, headers=headers).raise_for_status()
        return int(answer.json()["task_id"])


def only(spans: list[Span]) -> Span:
    (span,) = spans
    return span


def test_a_create_and_its_publishing_are_one_trace_which_logs_and_event_name(
    start: StartApi, broker: Broker, collector: Collector, user_id: str
) -> None:
    api = start(K_SINK=broker.url, **traced(collector))
    task_id = create(api, user_id, **SAMPLED)
    event = until(lambda: broker.accepted(task_id))[0].event
    server = only(until(lambda: collector.spans("SERVER")))
    producer = only(until(lambda: collector.spans("PRODUCER")))

    assert (server.name, server.trace_id, server.parent_id) == ("POST /v1/tasks", TRACE_ID, CALLER)
    assert (producer.name, producer.trace_id) == ("publish task.created", TRACE_ID)
    assert producer.parent_id == server.span_id
    assert event.traceparent == f"00-{TRACE_ID}-{server.span_id}-01"
    assert event.tracestate == "vendor=1"
    assert api.log_line("request")["trace_id"] == TRACE_ID

    assert server.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/tasks",
        "http.response.status_code": 201,
        "network.protocol.version": "1.1",
        "url.path": "/v1/tasks",
        "url.scheme": "http",
    }
    assert producer.attributes["messaging.message.id"] == str(event.data.event_id)
    assert producer.attributes["cloudevents.event_subject"] == f"tasks/{task_id}"
    assert producer.attributes["messaging.destination.name"] == "task-system/tasks"
    assert producer.attributes["http.response.status_code"] == 202
    assert not server.failed
    assert not producer.failed


def test_without_a_caller_the_trace_begins_here(start: StartApi, collector: Collector, user_id: str) -> None:
    api = start(**traced(collector))
    create(api, user_id)
    span = only(until(lambda: collector.spans("SERVER")))
    assert span.parent_id == ""
    assert api.log_line("request")["trace_id"] == span.trace_id
    (row,) = rows(api.database, "SELECT traceparent FROM tasks.outbox")
    assert row["traceparent"].startswith(f"00-{span.trace_id}-{span.span_id}-")


def test_each_attempt_at_the_broker_is_a_span(
    start: StartApi, broker: Broker, collector: Collector, user_id: str
) -> None:
    answers = iter([503, 202])
    broker.status_of = lambda _: next(answers)
    create(start(K_SINK=broker.url, **traced(collector)), user_id)
    first, second = until(lambda: found if len(found := collector.spans("PRODUCER")) == 2 else [])
    assert (first.failed, first.attributes["error.type"]) == (True, "503")
    assert (second.failed, second.attributes["http.response.status_code"]) == (False, 202)
    assert first.trace_id == second.trace_id


def test_a_broker_that_does_not_answer_is_an_error_in_the_trace(
    start: StartApi, collector: Collector, user_id: str
) -> None:
    create(start(K_SINK="http://127.0.0.1:1/tasks", **traced(collector)), user_id)
    span = until(lambda: collector.spans("PRODUCER"))[0]
    assert (span.failed, span.attributes["error.type"]) == (True, "NoAnswer")


def test_refusals_have_a_route_and_a_status_and_are_no_failures(
    start: StartApi, collector: Collector, user_id: str
) -> None:
    api = start(**traced(collector))
    with api.client(user_id) as client:
        assert client.get("/v1/tasks/7", params={"secret": "x"}).status_code == 404
        assert client.get("/nowhere").status_code == 404
        assert client.get("/readyz").status_code == 200
        assert client.get("/livez").status_code == 200
    spans = until(lambda: found if len(found := collector.spans("SERVER")) == 2 else [])
    assert [span.name for span in spans] == ["GET /v1/tasks/{task_id}", "GET"]
    assert [span.attributes["http.response.status_code"] for span in spans] == [404, 404]
    assert not any(span.failed for span in spans)
    assert "secret" not in str(spans)


def test_the_sdk_reads_its_variables_itself(start: StartApi, collector: Collector, user_id: str) -> None:
    more = {
        "OTEL_SERVICE_NAME": "tasks-of-mine",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
    }
    create(start(**traced(collector, **more)), user_id)
    resource = until(lambda: collector.spans("SERVER"))[0].resource
    assert resource["service.name"] == "tasks-of-mine"
    assert resource["deployment.environment.name"] == "test"
    assert collector.headers["authorization"] == "secret"


def test_the_service_is_named_when_nobody_names_it(
    start: StartApi, collector: Collector, user_id: str
) -> None:
    create(start(**traced(collector)), user_id)
    assert until(lambda: collector.spans("SERVER"))[0].resource["service.name"] == "task-api"


@pytest.mark.parametrize(
    ("sampler", "headers"),
    [("always_off", SAMPLED), ("parentbased_always_on", {"traceparent": f"00-{TRACE_ID}-{CALLER}-00"})],
)
def test_what_is_not_sampled_is_still_one_trace_in_logs_and_event(
    start: StartApi, broker: Broker, collector: Collector, user_id: str, sampler: str, headers: dict[str, str]
) -> None:
    api = start(K_SINK=broker.url, **traced(collector, OTEL_TRACES_SAMPLER=sampler))
    task_id = create(api, user_id, **headers)
    parent = until(lambda: broker.accepted(task_id))[0].event.traceparent or ""
    assert parent.startswith(f"00-{TRACE_ID}-")
    assert parent.endswith("-00")
    assert CALLER not in parent
    assert api.log_line("request")["trace_id"] == TRACE_ID
    api.terminate()
    assert api.exit_code() == 0
    assert collector.spans("SERVER") + collector.spans("PRODUCER") == []


def test_a_disabled_sdk_leaves_the_trace_as_it_is(
    start: StartApi, broker: Broker, collector: Collector, user_id: str
) -> None:
    api = start(K_SINK=broker.url, **traced(collector, OTEL_SDK_DISABLED="true"))
    traced_id, new_id = create(api, user_id, **SAMPLED), create(api, user_id)
    assert TRACE_ID in (until(lambda: broker.accepted(traced_id))[0].event.traceparent or "")
    begun = until(lambda: broker.accepted(new_id))[0].event.traceparent or ""
    assert len(begun.split("-")[1].strip("0")) > 20
    api.terminate()
    assert api.exit_code() == 0
    assert collector.spans("SERVER") == []


def test_the_last_spans_are_sent_before_the_process_ends(
    start: StartApi, broker: Broker, collector: Collector, user_id: str
) -> None:
    api = start(K_SINK=broker.url, **traced(collector, OTEL_BSP_SCHEDULE_DELAY="3600000"))
    create(api, user_id)
    api.terminate()
    assert api.exit_code() == 0
    assert len(collector.spans("SERVER")) == len(collector.spans("PRODUCER")) == 1


@pytest.mark.parametrize("answers", [True, False])
def test_a_collector_that_is_away_delays_no_request_and_no_stop(
    start: StartApi, broker: Broker, user_id: str, *, answers: bool
) -> None:
    """Refused at once, or taken and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if answers else 1
        api = start(
            K_SINK=broker.url,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
            OTEL_BSP_SCHEDULE_DELAY="10",
            OTEL_EXPORTER_OTLP_TIMEOUT="60",
            SHUTDOWN_GRACE_SECONDS="10",
        )
        with api.client(user_id) as client:
            tasks = [client.post("/v1/tasks", json={"title": "x"}).json()["task_id"] for _ in range(50)]
        until(lambda: all(broker.accepted(task_id) for task_id in tasks))
        asked = time.monotonic()
        api.terminate()
        assert api.exit_code() == 0
        # The collector has 1 of the 10 s; without a bound it would have 30.
        assert time.monotonic() - asked < 15
        assert api.log_line("the collector did not take the last spans in time")["level"] == "WARNING"


def test_a_variable_that_makes_no_sense_stops_the_start_in_one_sentence(
    database: str, environment: dict[str, str], collector: Collector
) -> None:
    for wrong, words in (
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
            "OTEL_EXPORTER_OTLP_ENDPOINT: Value error, must begin",
        ),
        (traced(collector, OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="many"), "traces cannot be sent"),
    ):
        done = command("serve", DATABASE_URL=database, **environment, **wrong)
        assert done.returncode == 2
        assert words in done.stderr.splitlines()[-1]


def loaded(endpoint: str | None) -> set[str]:
    settings: dict[str, Any] = {
        "database_url": "postgresql://u@h/d",
        "oidc_issuer": "http://i",
        "otel_exporter_otlp_endpoint": endpoint,
    }
    code = (
        "import sys\nimport task_api.server\nfrom task_api.app import create_app\n"
        f"from task_api.settings import Settings\ncreate_app(Settings(**{settings!r}))\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_who_names_no_collector_loads_nothing_for_it() -> None:
    """FastAPI loads OpenTelemetry's API, which is small; the SDK and its exporter are not."""
    heavy = {"opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "requests", "task_api.tracing"}
    assert loaded(None) & heavy == set()
    assert loaded("http://127.0.0.1:4318") >= heavy
