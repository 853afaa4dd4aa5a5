"""Topics and records of a `log.sqlite` for whoever looks from outside: also while the broker is down."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from knative_local.broker.http_binding import is_json
from knative_local.broker.schema import open_reading

LARGEST_PAGE = 1000

_TOPICS = """
SELECT t.name, (SELECT count(*) FROM partition p WHERE p.topic = t.id), count(r.position)
FROM topic t LEFT JOIN record r ON r.topic = t.id GROUP BY t.id ORDER BY t.name
"""
_RECORDS = """
SELECT r.position, r.partition, r.offset, r.time, r.attributes, r.data
FROM record r JOIN topic t ON t.id = r.topic
WHERE t.name = ? AND r.position > ? ORDER BY r.position LIMIT ?
"""


def topics(path: Path) -> list[dict[str, Any]]:
    """Name, number of partitions and of records of each topic; none before the broker's first start."""
    with _connection(path) as connection:
        rows = connection.execute(_TOPICS).fetchall() if connection else []
    return [{"name": name, "partitions": count, "records": records} for name, count, records in rows]


def records(path: Path, topic: str, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """The records after the one whose `position` is `after`, oldest first; an unknown topic has none.

    The data are in `data` when they are JSON, and otherwise in `data_base64`.
    """
    after = min(max(after, 0), 2**63 - 1)
    limit = min(max(limit, 0), LARGEST_PAGE)
    with _connection(path) as connection:
        rows = connection.execute(_RECORDS, (topic, after, limit)).fetchall() if connection else []
    return [_described(*row) for row in rows]


@contextlib.contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection | None]:
    if not path.exists():
        yield None
        return
    with contextlib.closing(open_reading(path)) as connection:
        exists = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone()
        yield connection if exists else None


def _described(
    position: int, partition: int, offset: int, milliseconds: int, attributes: str, data: bytes | None
) -> dict[str, Any]:
    event = msgspec.json.decode(attributes, type=dict[str, str])
    return {
        "position": position,
        "partition": partition,
        "offset": offset,
        "key": event.get("partitionkey"),
        "time": datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds"),
        "attributes": event,
        **_shown(event.get("datacontenttype"), data),
    }


def _shown(content_type: str | None, data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {}
    if is_json(content_type):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {"data": msgspec.json.decode(data)}
    return {"data_base64": base64.b64encode(data).decode()}
