"""The embedded log: append-only topics in one SQLite file, one thread that writes, one that reads."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from knative_local.broker.errors import StoreUnavailableError
from knative_local.broker.event import Event
from knative_local.broker.log import Extent, Position, Record
from knative_local.broker.partition import partition_of
from knative_local.broker.schema import FILE, open_reading, prepare
from knative_local.broker.tail import Tail
from knative_local.broker.trim import Expiry
from knative_local.broker.writer import Slot, Transaction, Writer

T = TypeVar("T")

_LARGEST_READ = 1024 * 1024  # bytes of data: what Kafka's max.partition.fetch.bytes is for

_INSERT = "INSERT INTO record (topic, partition, offset, time, attributes, data) VALUES (?, ?, ?, ?, ?, ?)"
_READ = """
SELECT offset, attributes, data FROM record
WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?
"""
_COMMIT = """
INSERT INTO committed (consumer_group, topic, partition, offset) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET offset = excluded.offset
"""
_COMMITTED = "SELECT partition, offset FROM committed WHERE consumer_group = ? AND topic = ?"
_EXTENTS = """
SELECT p.topic, p.number, p.start, max(p.start, coalesce(
    (SELECT max(r.offset) + 1 FROM record r WHERE r.topic = p.topic AND r.partition = p.number), 0))
FROM partition p ORDER BY p.topic, p.number
"""


class SqliteLog:
    """Fulfils `Log`; made inside the loop that uses it. Missing `topics` (name → partitions) are created."""

    def __init__(self, folder: Path, topics: Mapping[str, int], now: Callable[[], float] = time.time) -> None:
        path = folder / FILE
        prepare(path, topics)
        self._now = now
        self._connection = open_reading(path)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        self._ids: dict[str, int] = dict(self._connection.execute("SELECT name, id FROM topic"))
        extents = {(row[0], row[1]): Extent(row[2], row[3]) for row in self._connection.execute(_EXTENTS)}
        self._tail = Tail(extents)
        self._slots = {name: [slot for slot in extents if slot[0] == self._ids[name]] for name in topics}
        self._turns = {name: itertools.cycle(slots) for name, slots in self._slots.items()}
        self._writer = Writer(path, self._tail.publish)

    async def append(self, topic: str, event: Event) -> Position:
        slot = self._slot_for(topic, event.key)
        attributes = msgspec.json.encode(event.attributes).decode()
        milliseconds = int(self._now() * 1000)

        def insert(transaction: Transaction) -> Position:
            offset = transaction.claim(slot)
            row = (*slot, offset, milliseconds, attributes, event.data)
            transaction.connection.execute(_INSERT, row)
            return Position(slot[1], offset)

        return await self._writer.submit(insert)

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        slot = (self._ids[topic], partition)
        records: list[Record] = []
        while not records:  # retention may delete between the wake-up and the read
            begin = await self._tail.reached(slot, offset)
            records = await self._in_reader(lambda: self._fetch(slot, begin, limit))  # noqa: B023 - awaited here
        return records

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        key = (group, self._ids[topic])
        return await self._in_reader(lambda: dict(self._connection.execute(_COMMITTED, key)))

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        rows = [(group, self._ids[topic], partition, offset) for partition, offset in offsets.items()]
        await self._writer.submit(lambda transaction: transaction.connection.executemany(_COMMIT, rows))

    def extents(self, topic: str) -> Mapping[int, Extent]:
        return {slot[1]: self._tail.extent(slot) for slot in self._slots[topic]}

    async def trim(self, topic: str, seconds: float, below: Mapping[int, int]) -> None:
        """Delete what is older than `seconds` and, in a partition that `below` names, before that offset."""
        for slot in self._slots[topic]:
            limit = below.get(slot[1], self._tail.extent(slot).end)
            expiry = Expiry(slot, limit, int((self._now() - seconds) * 1000))
            while (start := await self._writer.submit(expiry)) is not None:
                self._tail.trim(slot, start)

    async def close(self) -> None:
        """Store what was asked for so far; later calls are refused."""
        await self._writer.close()
        self._reader.shutdown()
        self._connection.close()

    def _slot_for(self, topic: str, key: str | None) -> Slot:
        if key is None:
            return next(self._turns[topic])
        slots = self._slots[topic]
        return slots[partition_of(key, len(slots))]

    async def _in_reader(self, query: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, query)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite: {error}") from error

    def _fetch(self, slot: Slot, offset: int, limit: int) -> list[Record]:
        """At most `limit` records and, beyond the first, about a mebibyte."""
        records: list[Record] = []
        size = 0
        for number, attributes, data in self._connection.execute(_READ, (*slot, offset, limit)):
            event = Event(msgspec.json.decode(attributes, type=dict[str, str]), data)
            records.append(Record(slot[1], number, event))
            size += len(attributes) + len(data or b"")
            if size >= _LARGEST_READ:
                break
        return records
