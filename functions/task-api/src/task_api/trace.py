"""W3C Trace Context: the caller's trace goes on, or a new one begins.

It travels in the outbox row and then as CloudEvents extensions, because the HTTP header of that name is
wrong behind a Kafka Trigger (measured).
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

# Version ff is forbidden, all-zero ids are invalid; later versions may append fields (section 3.2.4).
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?", re.ASCII
)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


class Trace(NamedTuple):
    traceparent: str
    tracestate: str | None
    trace_id: str


def trace_of(traceparent: str | None, tracestate: str | None = None) -> Trace:
    """A header that does not conform is treated as absent, and its tracestate with it (section 3.2)."""
    span_id = f"{random.getrandbits(64) or 1:016x}"
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if found is None:
        trace_id = f"{random.getrandbits(128) or 1:032x}"
        return Trace(f"00-{trace_id}-{span_id}-01", None, trace_id)
    trace_id, flags = found.groups()
    return Trace(f"00-{trace_id}-{span_id}-{flags}", storable(tracestate), trace_id)


def storable(tracestate: str | None) -> str | None:
    """None where it could not become a header again, or is longer than anybody has to keep (section 3.3.1.5)."""
    return tracestate if tracestate and _TRACESTATE.fullmatch(tracestate) else None
