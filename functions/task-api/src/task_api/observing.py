"""One pure ASGI layer around everything: the trace, the access line and the request's metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from task_api import logs
from task_api.metrics import Metrics
from task_api.trace import Trace, trace_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from task_api.tracing import Tracing

_TRACE = "task_api.trace"
# Asked every second or so by the platform: counted, not logged, and no spans.
_PROBES = frozenset({"/livez", "/readyz"})


def trace_in(scope: Scope) -> Trace:
    return cast("Trace", scope[_TRACE])


class Observing:
    """`access_log` is None where INFO is not wanted, `tracing` where there is no collector."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        access_log: logs.AccessLog | None,
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        trace, span = self._begin(scope)
        scope[_TRACE] = trace
        logs.trace_id.set(
            trace.trace_id
        )  # uvicorn runs each request in a task, and so in a context, of its own
        status = 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception as error:
            if span:
                span.record_exception(error)
            raise
        finally:
            self._observe(scope, status, time.perf_counter() - started, trace)
            if self._tracing and span:
                self._tracing.served(span, scope, status)

    def _begin(self, scope: Scope) -> tuple[Trace, Span | None]:
        parent, state = _given(scope)
        if self._tracing is None or scope["path"] in _PROBES:
            return trace_of(parent, state), None
        return self._tracing.serving(scope, parent, state)

    def _observe(self, scope: Scope, status: int, seconds: float, trace: Trace) -> None:
        # The template, not the path: a label per task would be without end. Unknown paths share one.
        route = getattr(scope.get("route"), "path", "unknown")
        self._metrics.request(scope["method"] if route != "unknown" else "any", route, status, seconds)
        if self._access_log and route not in _PROBES:
            self._access_log.write(scope["method"], scope["path"], status, seconds, trace.trace_id)


def _given(scope: Scope) -> tuple[str | None, str | None]:
    parent = state = None
    for name, value in scope["headers"]:
        if name == b"traceparent":
            parent = value.decode("latin-1")
        elif name == b"tracestate":
            state = value.decode("latin-1")
    return parent, state
