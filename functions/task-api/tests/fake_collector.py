"""A collector that speaks OTLP over HTTP, and remembers the spans it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

from .fake_server import Reply, Request, serving


class Span(NamedTuple):
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[str]


class Collector:
    def __init__(self) -> None:
        self.url = ""
        self.headers: dict[str, str] = {}
        self._spans: list[Span] = []
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        assert (request.path, request.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        sent = ExportTraceServiceRequest.FromString(request.body)
        with self._lock:
            self.headers = request.headers
            self._spans += _read(sent)
        return Reply(200, ExportTraceServiceResponse().SerializeToString())

    def spans(self, kind: str) -> list[Span]:
        with self._lock:
            return [span for span in self._spans if span.kind == kind]


def _read(sent: ExportTraceServiceRequest) -> Iterator[Span]:
    for of_resource in sent.resource_spans:
        resource = _plain(of_resource.resource.attributes)
        for scope in of_resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    span.name,
                    WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.status.code == 2,
                    _plain(span.attributes),
                    resource,
                    [event.name for event in span.events],
                )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def collector_serving() -> Iterator[Collector]:
    collector = Collector()
    with serving(collector.answer) as url:
        collector.url = url
        yield collector
