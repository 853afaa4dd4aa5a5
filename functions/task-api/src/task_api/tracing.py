"""Spans for a collector (OTLP over HTTP); imported only where OTEL_EXPORTER_OTLP_ENDPOINT names one.

Sampler, service name, headers and the rest of OpenTelemetry's variables are read by its SDK.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from task_api.trace import Trace, storable, trace_of

logger = logging.getLogger(__name__)

_propagator = TraceContextTextMapPropagator()


class Tracing:
    """Ended spans leave in a thread of their own: a collector that is away costs spans, never a request."""

    def __init__(self) -> None:
        release = version("task-api")
        named = OTELResourceDetector().detect().attributes
        resource = Resource.create({"service.name": "task-api", "service.version": release, **named})
        # Not at exit: it would wait for the collector.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._exporter = OTLPSpanExporter()
        self._tracer = self._provider.get_tracer("task_api", release)
        # Each attempt at a collector that is away would be a line; that a batch is lost is said as an error.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)

    @asynccontextmanager
    async def exporting(self, flush_seconds: float) -> AsyncIterator[None]:
        """Leaving sends what is left, for that long at most."""
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        try:
            yield
        finally:
            if not await _in_time(self._provider.shutdown, flush_seconds):
                logger.warning("the collector did not take the last spans in time")

    def serving(self, scope: Mapping[str, Any], parent: str | None, state: str | None) -> tuple[Trace, Span]:
        """Begin a request's span; what the request changes belongs to the trace that is returned.

        Nothing of the user is in it: no query, no address.
        """
        span = self._tracer.start_span(
            scope["method"],
            _context(parent, state),
            SpanKind.SERVER,
            {
                "http.request.method": scope["method"],
                "url.scheme": scope["scheme"],
                "url.path": scope["path"],
                "network.protocol.version": scope["http_version"],
            },
        )
        return _trace(span.get_span_context()) or trace_of(parent, state), span

    def served(self, span: Span, scope: Mapping[str, Any], status: int) -> None:
        route = getattr(scope.get("route"), "path", None)
        if route is not None:
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.route", route)
        _answer(span, status, failed=status >= 500)
        span.end()

    @contextmanager
    def publishing(self, headers: Mapping[str, str], broker: Mapping[str, str | int]) -> Iterator[Span]:
        """One attempt to hand an event over; its parent is the request that made the event."""
        event = {name: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        attributes = {
            "messaging.system": "knative",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.message.id": event["ce-id"],
            "cloudevents.event_id": event["ce-id"],
            "cloudevents.event_source": event["ce-source"],
            "cloudevents.event_type": event["ce-type"],
            "cloudevents.event_subject": event["ce-subject"],
            **broker,
        }
        span = self._tracer.start_span(
            f"publish {event['ce-type']}",
            _context(event.get("ce-traceparent"), event.get("ce-tracestate")),
            SpanKind.PRODUCER,
            attributes,
        )
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR, str(error)))
            raise
        finally:
            span.end()

    def published(self, span: Span, status: int) -> None:
        _answer(span, status, failed=not 200 <= status < 300)


def _answer(span: Span, status: int, *, failed: bool) -> None:
    span.set_attribute("http.response.status_code", status)
    if failed:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)


def _context(parent: str | None, state: str | None) -> Context:
    """Never the current one: spans belong to requests and events, not to whoever sends them."""
    carrier = {"traceparent": parent or "", "tracestate": state or ""}
    return _propagator.extract(carrier, Context())


def _trace(span: SpanContext) -> Trace | None:
    """None where OTEL_SDK_DISABLED keeps spans from being made."""
    if not span.is_valid:
        return None
    trace_id = f"{span.trace_id:032x}"
    parent = f"00-{trace_id}-{span.span_id:016x}-{span.trace_flags:02x}"
    return Trace(parent, storable(span.trace_state.to_header()), trace_id)


async def _in_time(work: Callable[[], object], seconds: float) -> bool:
    """Do it in a thread that nobody waits for afterwards; the event loop's own would be waited for."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        work()
        with suppress(RuntimeError):  # the loop may be closed by then
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="last-spans", daemon=True).start()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await done.wait()
    return done.is_set()
