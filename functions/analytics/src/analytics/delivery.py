"""What is remembered of a delivery until its span is made: nothing of the data, nor who the user is."""

from __future__ import annotations

from typing import NamedTuple

from task_events import Envelope


class Delivery(NamedTuple):
    """`began` and `ended` are nanoseconds since 1970; `outcome` is empty where there is an error."""

    id: str
    source: str
    type: str
    subject: str
    # The extensions: behind a Trigger the HTTP header of that name may be another event's (measured).
    traceparent: str
    tracestate: str
    began: int
    ended: int
    outcome: str
    error: Exception | None


def delivery_of(
    envelope: Envelope, began: int, ended: int, outcome: str, error: Exception | None
) -> Delivery:
    extensions = envelope.extensions
    return Delivery(
        envelope.id,
        envelope.source,
        envelope.type,
        envelope.subject or "",
        extensions.get("traceparent", ""),
        extensions.get("tracestate", ""),
        began,
        ended,
        outcome,
        error,
    )
