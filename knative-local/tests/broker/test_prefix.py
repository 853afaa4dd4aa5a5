from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from knative_local.broker.prefix import Prefix


def test_an_unfinished_event_holds_the_prefix_back() -> None:
    prefix = Prefix(5)
    for offset in (5, 6, 7):
        prefix.take(offset)
    assert not prefix.finish(7)
    assert not prefix.finish(6)
    assert prefix.next == 5
    assert prefix.finish(5)
    assert prefix.next == 8


def test_offsets_may_be_missing() -> None:
    prefix = Prefix(0)
    prefix.take(3)
    prefix.take(9)
    assert prefix.finish(3)
    assert prefix.next == 4
    assert prefix.finish(9)
    assert prefix.next == 10


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(0, 50), unique=True).map(sorted), st.data())
def test_no_order_of_finishing_ever_passes_an_unfinished_event(
    offsets: list[int], data: st.DataObject
) -> None:
    prefix = Prefix(0)
    for offset in offsets:
        prefix.take(offset)
    unfinished = set(offsets)
    for offset in data.draw(st.permutations(offsets)):
        prefix.finish(offset)
        unfinished.discard(offset)
        finished = itertools.takewhile(lambda each: each not in unfinished, offsets)
        assert prefix.next == max(finished, default=-1) + 1
