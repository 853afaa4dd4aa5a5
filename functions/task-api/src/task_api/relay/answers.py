"""What a broker's answer means for the event.

Knative's data-plane contract (knative/specs, `data-plane.md`) and what its Kafka broker does:

    2xx                          stored: the row goes
    404 408 409 425 429 5xx      not now (a broker that is still being created answers 404)
    no answer                    not now; it may have been stored, so the same id is sent again
    400 411 413 414 415 422 431  not this event, ever: the row is parked, its successors go on
    401 403 405, anything else   not us: the sink is misconfigured, every event would fare the same
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_NOT_NOW = frozenset({404, 408, 409, 425, 429})
_NOT_THIS = frozenset({400, 411, 413, 414, 415, 422, 431})
# A broker may be restarted long before what it asked for.
_LONGEST_RETRY_AFTER_SECONDS = 300.0


class Verdict(enum.StrEnum):
    """The values are the `outcome` label of the metric."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    PARK = "park"
    PAUSE = "pause"


def verdict(status: int | None) -> Verdict:
    """`status` is None where no answer came."""
    if status is None or status in _NOT_NOW or status >= 500:
        return Verdict.RETRY
    if 200 <= status < 300:
        return Verdict.ACCEPTED
    return Verdict.PARK if status in _NOT_THIS else Verdict.PAUSE


def seconds_to_wait(retry_after: str | None, now: datetime | None = None) -> float:
    """Read Retry-After, as seconds or as a date; 0 where there is none that makes sense."""
    if retry_after is None:
        return 0
    try:
        seconds = float(int(retry_after))
    except ValueError:
        try:
            moment = parsedate_to_datetime(retry_after)
        except ValueError:
            return 0
        seconds = (moment.astimezone(UTC) - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0), _LONGEST_RETRY_AFTER_SECONDS)
