from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knative_local.broker import reading
from knative_local.broker.event import Event
from knative_local.broker.schema import FILE
from knative_local.broker.store import SqliteLog


def event(data: bytes | None, content_type: str | None = None, **extensions: str) -> Event:
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **extensions}
    return Event(attributes | ({"datacontenttype": content_type} if content_type else {}), data)


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(folder, {"a": 2, "b": 1}, lambda: 1_770_112_800.25)
    try:
        yield log
    finally:
        await log.close()


async def test_a_record_shows_where_it_is_and_what_it_says(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        partition, offset = await log.append("a", event(b'{"n": 1}', "application/json", partitionkey="k"))
        (record,) = reading.records(tmp_path / FILE, "a")
    assert record == {
        "position": 1,
        "partition": partition,
        "offset": offset,
        "key": "k",
        "time": "2026-02-03T10:00:00.250+00:00",
        "attributes": {
            "specversion": "1.0",
            "id": "1",
            "source": "/s",
            "type": "t",
            "datacontenttype": "application/json",
            "partitionkey": "k",
        },
        "data": {"n": 1},
    }


@pytest.mark.parametrize(
    ("data", "content_type", "shown"),
    [
        (b"[1]", "application/problem+json", {"data": [1]}),
        (b"[1]", None, {"data": [1]}),
        (b"not json", "application/json", {"data_base64": "bm90IGpzb24="}),
        (b'"\xff"', "application/json", {"data_base64": "Iv8i"}),
        (b"[1]", "text/plain", {"data_base64": "WzFd"}),
        (None, "application/json", {}),
    ],
)
async def test_data_are_shown_as_json_where_they_are(
    data: bytes | None, content_type: str | None, shown: dict[str, object], tmp_path: Path
) -> None:
    async with opened(tmp_path) as log:
        await log.append("b", event(data, content_type))
    (record,) = reading.records(tmp_path / FILE, "b")
    assert {name: record[name] for name in ("data", "data_base64") if name in record} == shown


async def test_pages_follow_one_another_over_all_partitions(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for number in range(5):
            await log.append("a", event(str(number).encode()))
            await log.append("b", event(b"0"))
    first = reading.records(tmp_path / FILE, "a", limit=3)
    second = reading.records(tmp_path / FILE, "a", first[-1]["position"], 3)
    assert [record["data"] for record in first + second] == [0, 1, 2, 3, 4]
    assert reading.records(tmp_path / FILE, "a", second[-1]["position"]) == []


async def test_numbers_no_database_knows_are_taken_for_the_nearest_it_does(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append("a", event(b"0"))
    assert reading.records(tmp_path / FILE, "a", 10**30, 10**30) == []
    assert len(reading.records(tmp_path / FILE, "a", -(10**30), 10**30)) == 1
    assert reading.records(tmp_path / FILE, "a", 0, -1) == []


async def test_topics_are_listed_with_their_size(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append("a", event(b"0"))
        await log.append("a", event(b"0"))
    assert reading.topics(tmp_path / FILE) == [
        {"name": "a", "partitions": 2, "records": 2},
        {"name": "b", "partitions": 1, "records": 0},
    ]


def test_before_the_first_start_there_is_nothing_and_reading_creates_nothing(tmp_path: Path) -> None:
    assert reading.topics(tmp_path / FILE) == []
    assert reading.records(tmp_path / FILE, "a") == []
    assert not (tmp_path / FILE).exists()


def test_a_file_that_is_still_being_made_has_nothing_yet(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert reading.topics(tmp_path / FILE) == []


async def test_an_unknown_topic_has_no_records(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append("a", event(b"0"))
    assert reading.records(tmp_path / FILE, "no such topic") == []
