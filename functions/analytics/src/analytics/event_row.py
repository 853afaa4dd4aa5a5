"""The row an event becomes; apart from its making, so that the database side starts without the contract."""

from __future__ import annotations

from datetime import datetime

import msgspec


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of `analytics.event` a sender decides; `data` is JSON as it came."""

    source: str
    id: str
    type: str
    subject: str | None
    time: datetime
    user_id: str
    task_id: int
    version: int
    data: msgspec.Raw
