"""What a moment is, to the last one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from task_api.models import NewTask


@pytest.mark.parametrize(
    ("given", "in_utc"),
    [
        ("2026-02-03T10:00:00Z", "2026-02-03T10:00:00+00:00"),
        ("2026-02-03t10:00:00.5z", "2026-02-03T10:00:00.500000+00:00"),
        ("2026-02-03 10:00:00+05:30", "2026-02-03T04:30:00+00:00"),
        ("2026-02-03T10:00:00.123456789-00:00", "2026-02-03T10:00:00.123456+00:00"),
        ("0001-01-01T00:00:00.000001Z", "0001-01-01T00:00:00.000001+00:00"),
        ("9999-12-31T23:59:59.999998Z", "9999-12-31T23:59:59.999998+00:00"),
    ],
)
def test_a_moment_is_read_as_rfc_3339_writes_it(given: str, in_utc: str) -> None:
    due_at = NewTask.model_validate({"title": "x", "due_at": given}).due_at
    assert due_at is not None
    assert due_at.isoformat() == in_utc


@pytest.mark.parametrize(
    "given",
    [
        "2026-02-03",
        "2026-02-03T10:00:00",
        "2026-02-03T10:00Z",
        "2026-W06-2T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-02-03T24:00:01Z",
        "2026-02-03T10:00:60Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-23:59",
        "infinity",
        "1770112800",
        1770112800,
        True,
    ],
)
def test_what_is_no_moment_is_refused(given: object) -> None:
    with pytest.raises(ValidationError, match="due_at"):
        NewTask.model_validate({"title": "x", "due_at": given})
