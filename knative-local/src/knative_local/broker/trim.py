"""Deleting what retention no longer keeps, a bounded step at a time so that appends get their turn."""

from __future__ import annotations

import itertools

import msgspec

from knative_local.broker.writer import Slot, Transaction

_STEP = 500

_OLDEST = """
SELECT offset, time FROM record WHERE topic = ? AND partition = ? AND offset < ? ORDER BY offset LIMIT ?
"""
_DELETE = "DELETE FROM record WHERE topic = ? AND partition = ? AND offset <= ?"
_MOVE_START = "UPDATE partition SET start = ? WHERE topic = ? AND number = ?"


class Expiry(msgspec.Struct, frozen=True):
    """Deletes the records of one partition that are before `limit` and older than `cutoff` (milliseconds)."""

    slot: Slot
    limit: int
    cutoff: int

    def __call__(self, transaction: Transaction) -> int | None:
        """One step: the partition's new start, or None when nothing was left to delete.

        Only a prefix goes, so that a clock that jumped leaves no hole.
        """
        oldest = transaction.connection.execute(_OLDEST, (*self.slot, self.limit, _STEP))
        expired = [offset for offset, _ in itertools.takewhile(self._is_old, oldest)]
        if not expired:
            return None
        start: int = expired[-1] + 1
        transaction.connection.execute(_DELETE, (*self.slot, expired[-1]))
        transaction.connection.execute(_MOVE_START, (start, *self.slot))
        return start

    def _is_old(self, row: tuple[int, int]) -> bool:
        return row[1] < self.cutoff
