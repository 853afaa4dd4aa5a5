"""What the function says over HTTP: POST / takes one event, GET /livez and /readyz are for the platform."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec

from analytics.errors import AnalyticsError, MethodNotAllowed, NotFound, Unreadable
from analytics.handler import Handle, Store, handle
from analytics.http_protocol import MOST_BODY_BYTES, Answer, HttpProtocol, Request
from task_events import ContractError, Envelope, from_http

__all__ = ["Application", "HttpProtocol"]

# The dispatcher has its own back-off and does not look; others may.
RETRY_AFTER_SECONDS = 5

_FAULTS = {
    400: "This is not one well-formed HTTP/1.1 request.",
    408: "The request took too long to arrive.",
    413: f"The body has more than {MOST_BODY_BYTES} bytes.",
    431: "The headers are too large.",
}

Note = Callable[[str, dict[str, object]], None]

_log = logging.getLogger("analytics")


class Application:
    """A success has no body: one that is not a CloudEvent would make the dispatcher dead-letter the event."""

    def __init__(
        self, store: Store, ping: Callable[[], Awaitable[None]], note: Note, handle: Handle = handle
    ) -> None:
        """`note` logs what became of an event, at level INFO."""
        self._handle = handle
        self._store = store
        self._ping = ping
        self._note = note

    async def respond(self, request: Request) -> Answer:
        """Never raises: this is the edge."""
        try:
            return await self._route(request)
        except (AnalyticsError, ContractError) as error:
            return _refusal(error.status, str(error))
        except Exception:  # noqa: BLE001 - the process edge: a fault of ours is a 500 and a log line
            _log.exception("a request failed")
            return _refusal(500, "The function failed; its log says why.")

    async def _route(self, request: Request) -> Answer:
        if request.fault:
            raise Unreadable(request.fault, _FAULTS[request.fault])
        if request.path == "/":
            _expect("POST", request)
            return await self._receive(request)
        if request.path not in ("/livez", "/readyz"):
            raise NotFound("Events are POSTed to /.")
        _expect("GET", request)
        if request.path == "/readyz":
            await self._ping()
        return Answer(200)

    async def _receive(self, request: Request) -> Answer:
        envelope = None
        try:
            envelope = from_http(request.headers, request.body)
            outcome = await self._handle(envelope, self._store)
        except (AnalyticsError, ContractError) as error:
            _log.warning("refused: %s", error, extra={"context": _context(envelope)})
            raise
        if _log.isEnabledFor(logging.INFO):
            self._note(outcome, _context(envelope))
        return Answer(204)


def _expect(method: str, request: Request) -> None:
    if request.method != method:
        raise MethodNotAllowed(f"Only {method} is understood here.")


def _context(envelope: Envelope | None) -> dict[str, object]:
    """The trace is the extension's: behind a Trigger the HTTP header may be another event's (measured)."""
    if envelope is None:
        return {}
    context: dict[str, object] = {
        "event_id": envelope.id,
        "event_type": envelope.type,
        "subject": envelope.subject,
    }
    parts = envelope.extensions.get("traceparent", "").split("-")
    if len(parts) == 4:
        context["trace_id"] = parts[1]
    return context


def _refusal(status: int, detail: str) -> Answer:
    problem = {"type": "about:blank", "title": detail.partition(":")[0], "status": status, "detail": detail}
    retry = (f"retry-after: {RETRY_AFTER_SECONDS}",) if status == 503 else ()
    return Answer(status, msgspec.json.encode(problem), retry)
