"""The numbers of one user or of everyone, for people and for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from analytics.database import Connection

EVERYONE = "*"
_QUERY = "SELECT * FROM analytics.v_summary WHERE user_id = $1"


async def summary(connection: Connection, user_id: str) -> dict[str, Any]:
    """A row of `v_summary`; empty for a user nobody has heard of."""
    row = await connection.fetchrow(_QUERY, user_id)
    return dict(row) if row else {}


def shown(numbers: Mapping[str, Any], output: str) -> str:
    """`output` is `table` or `json`."""
    if output == "json":
        return msgspec.json.encode(numbers).decode()
    width = max(map(len, numbers), default=0)
    return "\n".join(f"{name.ljust(width)}  {_cell(value)}" for name, value in numbers.items())


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
