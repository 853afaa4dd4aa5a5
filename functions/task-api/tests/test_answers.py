"""The table of what a broker's answer means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from task_api.relay.answers import Verdict, seconds_to_wait, verdict


@pytest.mark.parametrize(
    ("expected", "statuses"),
    [
        (Verdict.ACCEPTED, [200, 202, 204]),
        (Verdict.RETRY, [None, 404, 408, 409, 425, 429, 500, 502, 503, 504, 599]),
        (Verdict.PARK, [400, 413, 415, 422, 411, 414, 431]),
        (Verdict.PAUSE, [401, 403, 405, 301, 307, 407, 410]),
    ],
)
def test_each_answer_has_one_meaning(expected: Verdict, statuses: list[int | None]) -> None:
    assert {verdict(status) for status in statuses} == {expected}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("7", 7),
        ("-7", 0),
        ("86400", 300),
        ("Tue, 03 Feb 2026 10:00:30 GMT", 30),
        ("Tue, 03 Feb 2026 09:00:00 GMT", 0),
        ("soon", 0),
        ("1.5", 0),
        ("", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(header: str | None, seconds: float) -> None:
    assert seconds_to_wait(header, datetime(2026, 2, 3, 10, tzinfo=UTC)) == seconds
