"""The seam between the broker and whatever keeps its topics: SQLite here, real Kafka later.

It is Kafka's model: topics of partitions, offsets counted per partition, and one committed offset per
consumer group and partition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from knative_local.broker.event import Event


class Position(NamedTuple):
    partition: int
    offset: int


class Extent(NamedTuple):
    """A partition holds the offsets from `start` up to and without `end`."""

    start: int
    end: int


class Record(msgspec.Struct, frozen=True):
    partition: int
    offset: int
    event: Event


class Log(Protocol):
    """Every method may raise `StoreUnavailableError`; nothing is promised then, and trying again is right."""

    async def append(self, topic: str, event: Event) -> Position:
        """Return when the event is on disk; the event's key decides the partition."""
        ...

    async def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        """Wait for a record at or after `offset`, then return what is there, in order and at most `limit`."""
        ...

    async def committed(self, group: str, topic: str) -> Mapping[int, int]:
        """Per partition the offset the group goes on from; a partition it never committed is absent."""
        ...

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Return when the offsets are on disk."""
        ...

    def extents(self, topic: str) -> Mapping[int, Extent]:
        """Per partition what there is to read, as far as this process knows."""
        ...
