"""Spans of deliveries, as a real collector would get them."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from analytics.database import Connection
from task_events import to_structured

from .events import TRACE_ID, make_event, make_message
from .fake_collector import Collector, Span, collector_serving
from .http_client import post, request
from .polling import until
from .process import Process

Start = Callable[..., Process]
PARENT = "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collector_serving() as collector:
        yield collector


@pytest.fixture
def traced(start: Start, service_database: str, collector: Collector) -> Callable[..., Process]:
    def traced(**environment: str) -> Process:
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        return start(DATABASE_URL=service_database, **(given | environment))

    return traced


async def spans(collector: Collector, count: int = 1) -> list[Span]:
    async def came() -> bool:
        return len(collector.spans) >= count

    await until(came)
    assert len(collector.spans) == count
    return collector.spans


async def test_a_delivery_is_a_span_of_the_trace_that_event_and_log_name(
    traced: Start, collector: Collector
) -> None:
    process = traced()
    event = make_event()
    assert (await post(await process.port(), make_message(event))).status == 204
    (span,) = await spans(collector)
    assert (span.name, span.kind) == ("process task.created", "CONSUMER")
    assert (span.trace_id, span.parent_id) == (TRACE_ID, PARENT)
    assert (await process.log_line("counted"))["trace_id"] == TRACE_ID
    assert 0 < span.seconds < 20
    assert not span.failed
    assert span.attributes == {
        "messaging.system": "knative",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": str(event.data.event_id),
        "cloudevents.event_id": str(event.data.event_id),
        "cloudevents.event_source": "/task-api",
        "cloudevents.event_type": "task.created",
        "cloudevents.event_subject": "tasks/1",
        "analytics.outcome": "counted",
    }
    assert span.resource["service.name"] == "analytics"


async def test_a_structured_event_that_comes_again_says_so(traced: Start, collector: Collector) -> None:
    port = await traced().port()
    event = make_event()
    for message in (make_message(event), to_structured(event)):
        assert (await post(port, message)).status == 204
    both = await spans(collector, 2)
    assert [span.attributes["analytics.outcome"] for span in both] == ["counted", "duplicate"]
    assert [span.trace_id for span in both] == [TRACE_ID] * 2


async def test_an_event_that_is_refused_is_a_failure_in_its_trace(
    traced: Start, collector: Collector
) -> None:
    port = await traced().port()
    message = make_message()
    body = msgspec.json.decode(message.body, type=dict[str, object]) | {"payload": {"task_id": "one"}}
    assert (await post(port, message._replace(body=msgspec.json.encode(body)))).status == 400
    (span,) = await spans(collector)
    assert (span.trace_id, span.failed) == (TRACE_ID, True)
    assert span.attributes["error.type"] == "MalformedEvent"


async def test_an_event_without_a_trace_begins_one_and_probes_do_not(
    traced: Start, collector: Collector
) -> None:
    port = await traced().port()
    assert (await request(port, "GET", "/readyz")).status == 200
    assert (await post(port, make_message(ce_traceparent=None))).status == 204
    (span,) = await spans(collector)
    assert span.parent_id == ""
    assert span.trace_id != TRACE_ID


async def test_what_its_sender_did_not_sample_is_not_sent(traced: Start, collector: Collector) -> None:
    process = traced()
    port = await process.port()
    unsampled = f"00-{TRACE_ID}-{PARENT}-00"
    assert (await post(port, make_message(ce_traceparent=unsampled))).status == 204
    process.signal(signal.SIGTERM)
    assert process.finish()[0] == 0
    assert collector.spans == []


async def test_the_sdk_reads_its_variables_itself(traced: Start, collector: Collector) -> None:
    process = traced(OTEL_SERVICE_NAME="numbers", OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test")
    await post(await process.port(), make_message())
    (span,) = await spans(collector)
    assert span.resource["service.name"] == "numbers"
    assert span.resource["deployment.environment.name"] == "test"


async def test_the_last_spans_are_sent_before_the_process_ends(traced: Start, collector: Collector) -> None:
    process = traced(OTEL_BSP_SCHEDULE_DELAY="3600000")
    port = await process.port()
    await asyncio.gather(*(post(port, make_message()) for _ in range(20)))
    process.signal(signal.SIGTERM)
    assert process.finish()[0] == 0
    assert len(collector.spans) == 20


@pytest.mark.parametrize("answers", [True, False])
async def test_a_collector_that_is_away_delays_no_delivery_and_no_stop(
    traced: Start, connection: Connection, *, answers: bool
) -> None:
    """Refused at once, or taken and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1] if answers else 1}"
        process = traced(
            OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_BSP_SCHEDULE_DELAY="10", OTEL_EXPORTER_OTLP_TIMEOUT="60"
        )
        port = await process.port()
        replies = await asyncio.gather(*(post(port, make_message()) for _ in range(50)))
        assert {reply.status for reply in replies} == {204}
        asked = time.monotonic()
        process.signal(signal.SIGTERM)
        code, _, _ = process.finish()
        # The collector has 5 s; without a bound it would have 30.
        assert (code, time.monotonic() - asked < 15) == (0, True)
        assert await process.log_line("the collector did not take the last spans in time")
    assert await connection.fetchval("SELECT count(*) FROM analytics.event") == 50


async def test_a_variable_that_makes_no_sense_costs_the_spans_and_says_why(traced: Start) -> None:
    process = traced(OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="many")
    port = await process.port()
    assert (await post(port, make_message())).status == 204
    line = await process.log_line("no spans are sent")
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in line["exception"]
    assert (await post(port, make_message())).status == 204
