"""What a Trigger has done since this process started."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct):
    delivered: int = 0
    filtered: int = 0
    retried: int = 0
    replied: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    in_flight: int = 0
