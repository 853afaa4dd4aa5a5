"""The checker: what was acknowledged, what was committed, what was counted, and whether they agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

Change: TypeAlias = tuple[int, int]  # task id, version


@dataclass
class History:
    """Changes the API answered with 2xx; a request that got no answer may or may not have happened."""

    acknowledged: list[Change] = field(default_factory=list)
    unknown: int = 0


@dataclass(frozen=True)
class Verdict:
    """Every list is empty in a correct system."""

    lost: list[Change]  # acknowledged, but not in the database
    without_event: list[Change]  # committed, but not counted
    twice: list[Change]  # counted more than once
    phantom: list[Change]  # counted, but never committed

    @property
    def correct(self) -> bool:
        return not (self.lost or self.without_event or self.twice or self.phantom)


def judge(acknowledged: list[Change], committed: list[Change], counted: list[Change]) -> Verdict:
    """`committed` lists every version of every task, `counted` every row of the activity log."""
    times = Counter(counted)
    return Verdict(
        lost=sorted(set(acknowledged) - set(committed)),
        without_event=sorted(set(committed) - set(counted)),
        twice=sorted(change for change, count in times.items() if count > 1),
        phantom=sorted(set(counted) - set(committed)),
    )
