from __future__ import annotations

import pytest

from knative_local.durations import go_seconds, iso_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0.5S", 0.5), ("PT10M", 600), ("PT1H30M5S", 5405), ("P1D", 86400), ("P1DT1S", 86401)],
)
def test_iso_durations(text: str, seconds: float) -> None:
    assert iso_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1S", "PT1", "P1M", "P1Y", "PT-1S", "PT1S ", "30s"])
def test_what_is_no_iso_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration"):
        iso_seconds(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("0", 0), ("0s", 0)]
)
def test_go_durations(text: str, seconds: float) -> None:
    assert go_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "30 s", "-1s", "1d", "PT1S", "1s2"])
def test_what_is_no_go_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        go_seconds(text)
