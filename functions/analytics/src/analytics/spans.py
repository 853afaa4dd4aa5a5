"""Spans for a collector (OTLP over HTTP); imported only where one is named, and after the first answers.

Sampler, service name, headers and the rest of OpenTelemetry's variables are read by its SDK.
"""

from __future__ import annotations

import logging
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from analytics.delivery import Delivery

_propagator = TraceContextTextMapPropagator()


class Spans:
    """They leave in a thread of their own: a collector that is away costs spans, never a delivery."""

    def __init__(self) -> None:
        release = version("analytics")
        named = OTELResourceDetector().detect().attributes
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "analytics", "service.version": release, **named}),
            shutdown_on_exit=False,  # it would wait for the collector
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("analytics", release)
        # Each attempt at a collector that is away would be a line; that a batch is lost is said as an error.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)

    def add(self, delivery: Delivery) -> None:
        """Its parent is the request that made the event."""
        carrier = {"traceparent": delivery.traceparent, "tracestate": delivery.tracestate}
        span = self._tracer.start_span(
            f"process {delivery.type}",
            _propagator.extract(carrier, Context()),
            SpanKind.CONSUMER,
            _attributes(delivery),
            start_time=delivery.began,
        )
        if delivery.error:
            span.set_attribute("error.type", type(delivery.error).__name__)
            span.set_status(Status(StatusCode.ERROR, str(delivery.error)))
        else:
            span.set_attribute("analytics.outcome", delivery.outcome)
        span.end(delivery.ended)

    def close(self) -> None:
        """Send what is left; it may take as long as the collector does."""
        self._provider.shutdown()


def _attributes(delivery: Delivery) -> dict[str, str]:
    return {
        "messaging.system": "knative",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": delivery.id,
        "cloudevents.event_id": delivery.id,
        "cloudevents.event_source": delivery.source,
        "cloudevents.event_type": delivery.type,
        "cloudevents.event_subject": delivery.subject,
    }
