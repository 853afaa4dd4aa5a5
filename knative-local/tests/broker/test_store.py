from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from knative_local.broker.errors import StoreUnavailableError
from knative_local.broker.event import Event
from knative_local.broker.log import Extent, Position, Record
from knative_local.broker.schema import FILE, open_writing
from knative_local.broker.store import SqliteLog
from knative_local.errors import UsageError


def event(number: int = 1, key: str | None = None, data: bytes | None = b"{}") -> Event:
    attributes = {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t"}
    return Event(attributes | ({"partitionkey": key} if key is not None else {}), data)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@contextlib.asynccontextmanager
async def opened(
    folder: Path, partitions: int = 3, clock: Clock | None = None, topics: Sequence[str] = ("a",)
) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(folder, dict.fromkeys(topics, partitions), clock or Clock())
    try:
        yield log
    finally:
        await log.close()


def ids(records: Sequence[Record]) -> list[str]:
    return [record.event.attributes["id"] for record in records]


async def test_an_event_comes_back_as_it_was_appended(tmp_path: Path) -> None:
    given = event(1, key="grüße", data=b"\x00\xff")
    async with opened(tmp_path) as log:
        position = await log.append("a", given)
        (record,) = await log.read("a", position.partition, position.offset, 10)
    assert record == Record(position.partition, position.offset, given)


async def test_an_event_without_data_is_not_one_with_empty_data(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as log:
        await log.append("a", event(1, data=None))
        await log.append("a", event(2, data=b""))
        records = await log.read("a", 0, 0, 10)
    assert [record.event.data for record in records] == [None, b""]


async def test_events_of_one_key_are_in_one_partition_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        positions = [await log.append("a", event(number, key="k")) for number in range(5)]
        records = await log.read("a", positions[0].partition, 0, 100)
    assert positions == [Position(positions[0].partition, offset) for offset in range(5)]
    assert ids(records) == ["0", "1", "2", "3", "4"]


async def test_events_without_key_go_to_the_partitions_in_turn(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        positions = [await log.append("a", event(number)) for number in range(6)]
    assert [position.partition for position in positions] == [0, 1, 2, 0, 1, 2]


async def test_appends_that_wait_together_keep_their_order(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as log:
        positions = await asyncio.gather(*(log.append("a", event(number)) for number in range(2500)))
        assert [position.offset for position in positions] == list(range(2500))
        assert ids(await log.read("a", 0, 2490, 100)) == [str(number) for number in range(2490, 2500)]


async def test_a_read_is_bounded_in_records_and_in_bytes(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as log:
        for number in range(5):
            await log.append("a", event(number, data=b"x" * 400_000))
        assert ids(await log.read("a", 0, 0, 2)) == ["0", "1"]
        assert ids(await log.read("a", 0, 0, 100)) == ["0", "1", "2"]


async def test_a_reader_at_the_end_waits_for_the_next_event(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as log:
        await log.append("a", event(1))
        waiting = [asyncio.create_task(log.read("a", 0, 1, 10)) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        await log.append("a", event(2))
        assert [ids(await task) for task in waiting] == [["2"], ["2"]]


async def test_topics_are_apart(tmp_path: Path) -> None:
    async with opened(tmp_path, 1, topics=("a", "b")) as log:
        assert await log.append("a", event(1)) == Position(0, 0)
        assert await log.append("b", event(2)) == Position(0, 0)
        assert ids(await log.read("b", 0, 0, 10)) == ["2"]


async def test_a_group_goes_on_where_it_committed_also_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        assert await log.committed("g", "a") == {}
        await log.commit("g", "a", {0: 3, 2: 1})
        await log.commit("g", "a", {0: 5})
    async with opened(tmp_path) as log:
        assert await log.committed("g", "a") == {0: 5, 2: 1}
        assert await log.committed("other", "a") == {}


async def test_offsets_go_on_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as log:
        await log.append("a", event(1))
    async with opened(tmp_path, 1) as log:
        assert log.extents("a") == {0: Extent(0, 1)}
        assert await log.append("a", event(2)) == Position(0, 1)
        assert ids(await log.read("a", 0, 0, 10)) == ["1", "2"]


async def test_a_topic_may_get_more_partitions_and_never_fewer(tmp_path: Path) -> None:
    async with opened(tmp_path, 2) as log:
        await log.append("a", event(1))
    async with opened(tmp_path, 4) as log:
        assert list(log.extents("a")) == [0, 1, 2, 3]
    async with opened(tmp_path, 1) as log:
        assert list(log.extents("a")) == [0, 1, 2, 3]


async def test_retention_deletes_old_records_below_the_given_offsets_only(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, 1, clock) as log:
        for number in range(4):
            await log.append("a", event(number))
            clock.seconds += 10
        await log.trim("a", 15, {0: 2})
        assert log.extents("a") == {0: Extent(2, 4)}
        assert ids(await log.read("a", 0, 0, 10)) == ["2", "3"]
        await log.trim("a", 15, {0: 4})
        assert ids(await log.read("a", 0, 0, 10)) == ["3"]


async def test_an_offset_is_never_given_twice_even_when_retention_took_everything(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, 1, clock) as log:
        await asyncio.gather(*(log.append("a", event(number)) for number in range(1200)))
        clock.seconds += 10
        await log.trim("a", 5, {})
        assert log.extents("a") == {0: Extent(1200, 1200)}
    async with opened(tmp_path, 1, clock) as log:
        assert log.extents("a") == {0: Extent(1200, 1200)}
        assert await log.append("a", event(1)) == Position(0, 1200)


async def test_a_clock_that_jumped_leaves_no_hole(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, 1, clock) as log:
        for jump in (100, -100, 50):
            await log.append("a", event(1))
            clock.seconds += jump
        await log.trim("a", 40, {})
        assert log.extents("a") == {0: Extent(1, 3)}


async def test_a_log_that_cannot_be_written_refuses_and_recovers(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as log:
        await log.append("a", event(1))
        with contextlib.closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailableError, match="database is locked"):
                await log.append("a", event(2))
            other.execute("ROLLBACK")
        assert await log.append("a", event(3)) == Position(0, 1)
        assert ids(await log.read("a", 0, 0, 10)) == ["1", "3"]


async def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        pass
    with pytest.raises(StoreUnavailableError, match="stopping"):
        await log.append("a", event(1))


async def test_what_was_submitted_before_the_close_is_stored(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as log:
        appends = [asyncio.create_task(log.append("a", event(number))) for number in range(100)]
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*appends)) == 100
    async with opened(tmp_path, 1) as log:
        assert log.extents("a") == {0: Extent(0, 100)}


def test_a_commit_is_on_disk_and_not_only_in_a_cache(tmp_path: Path) -> None:
    with contextlib.closing(open_writing(tmp_path / FILE)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_file_of_another_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="written by another version"):
        SqliteLog(tmp_path, {"a": 1})
