"""What this process knows of each partition's extent, and who waits for it to grow: no reader polls."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from knative_local.broker.log import Extent
from knative_local.broker.writer import Slot


class Tail:
    def __init__(self, extents: Mapping[Slot, Extent]) -> None:
        self._extents = dict(extents)
        self._waiting: defaultdict[Slot, list[asyncio.Future[None]]] = defaultdict(list)

    def extent(self, slot: Slot) -> Extent:
        return self._extents[slot]

    def publish(self, ends: Mapping[Slot, int]) -> None:
        for slot, end in ends.items():
            known = self._extents[slot]
            if end > known.end:
                self._extents[slot] = known._replace(end=end)
                self._wake(slot)

    def trim(self, slot: Slot, start: int) -> None:
        self._extents[slot] = self._extents[slot]._replace(start=start)

    async def reached(self, slot: Slot, offset: int) -> int:
        """Wait for a record at or after `offset`; return where to read, which retention may have moved on."""
        while (begin := max(offset, self._extents[slot].start)) >= self._extents[slot].end:
            turn = asyncio.get_running_loop().create_future()
            self._waiting[slot].append(turn)
            await turn
        return begin

    def _wake(self, slot: Slot) -> None:
        for turn in self._waiting.pop(slot, ()):
            if not turn.done():
                turn.set_result(None)
