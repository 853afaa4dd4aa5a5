"""How far one partition is finished without a gap: the only offset that may be committed."""

from __future__ import annotations

from collections import deque


class Prefix:
    """`next` is the offset to go on from after a crash; what is finished beyond it comes again then."""

    def __init__(self, start: int) -> None:
        self.next = start
        self._taken: deque[int] = deque()
        self._finished: set[int] = set()

    def take(self, offset: int) -> None:
        """In the order of the partition; offsets may be missing (retention)."""
        self._taken.append(offset)

    def finish(self, offset: int) -> bool:
        """Whether `next` has moved."""
        self._finished.add(offset)
        before = self.next
        while self._taken and self._taken[0] in self._finished:
            done = self._taken.popleft()
            self._finished.discard(done)
            self.next = done + 1
        return self.next != before
