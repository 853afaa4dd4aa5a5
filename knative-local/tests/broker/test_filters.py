"""The cases of the measured filter table; where Knative 1.23 loses events, the specification is followed."""

from __future__ import annotations

import pytest

from knative_local.broker.filters import matches
from knative_local.contract import All, Any, Exact, Filter, Not, Prefix, Suffix

PLACED = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}
SUBJECT = {**PLACED, "subject": "orders/1", "tenant": "one", "time": "2026-02-03T10:00:00Z"}
SHOUTED = {**PLACED, "type": "Order.Placed"}

is_placed = Exact({"type": "order.placed"})


@pytest.mark.parametrize(
    ("wanted", "attributes", "expected"),
    [
        (is_placed, PLACED, True),
        (is_placed, SHOUTED, False),
        (Exact({"type": "order.placed", "source": "/shop"}), PLACED, True),
        (Exact({"type": "order.placed", "source": "/other"}), PLACED, False),
        (Exact({"tenant": "one"}), SUBJECT, True),
        (Exact({"tenant": "one"}), PLACED, False),
        (Exact({"subject": "orders/1"}), PLACED, False),
        (Exact({"subject": ""}), PLACED, False),
        (Not(Exact({"subject": "orders/1"})), PLACED, True),
        (Exact({"type": "", "source": "/shop"}, empty_is_any=True), PLACED, True),
        (Exact({"type": ""}, empty_is_any=True), {}, True),
        (Exact({"subject": "other"}, empty_is_any=True), PLACED, False),
        (Exact({"subject": "other"}, empty_is_any=True), SUBJECT, False),
        (Prefix({"type": "order."}), PLACED, True),
        (Prefix({"type": "order."}), SHOUTED, False),
        (Prefix({"time": "2026-02"}), SUBJECT, True),
        (Prefix({"type": "order.", "tenant": "o"}), SUBJECT, True),
        (Prefix({"type": "order.", "tenant": "o"}), PLACED, False),
        (Suffix({"type": ".placed"}), PLACED, True),
        (Suffix({"subject": "/2"}), SUBJECT, False),
        (All([is_placed, Prefix({"source": "/"})]), PLACED, True),
        (All([is_placed, Prefix({"source": "x"})]), PLACED, False),
        (Any([Exact({"type": "x"}), is_placed]), PLACED, True),
        (Any([Exact({"type": "x"}), Exact({"id": "2"})]), PLACED, False),
        (Not(All([is_placed, Not(Exact({"tenant": "one"}))])), SUBJECT, True),
        # An absent core attribute: Knative 1.23 discards the event in these, measured.
        (Prefix({"subject": "orders/"}), PLACED, False),
        (Suffix({"subject": "/1"}), PLACED, False),
        (Not(Prefix({"subject": "orders/"})), PLACED, True),
        (Not(Suffix({"subject": "/1"})), PLACED, True),
        (Any([Prefix({"subject": "orders/"}), is_placed]), PLACED, True),
        (Not(Prefix({"tenant": "o"})), PLACED, True),
    ],
)
def test_a_filter_matches_as_the_subscriptions_specification_says(
    wanted: Filter, attributes: dict[str, str], expected: bool
) -> None:
    assert matches(wanted, attributes) is expected
