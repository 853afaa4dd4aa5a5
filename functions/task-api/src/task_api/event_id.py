"""Event ids that sort by time, so that the unique index of every consumer grows at one end."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def new_event_id() -> UUID:
    """UUID version 7 (RFC 9562); the standard library has it from Python 3.14 on."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (2**62 - 1))
