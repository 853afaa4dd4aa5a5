from __future__ import annotations

import json

from analytics.summary import shown


def test_the_table_has_a_line_per_number_and_a_dash_for_none() -> None:
    assert shown({"events": 3, "completion_rate": 0.66666, "p50": None}, "table").splitlines() == [
        "events           3",
        "completion_rate  0.667",
        "p50              -",
    ]


def test_json_keeps_the_numbers_as_they_are() -> None:
    assert json.loads(shown({"events": 3, "completion_rate": 0.5}, "json")) == {
        "events": 3,
        "completion_rate": 0.5,
    }
