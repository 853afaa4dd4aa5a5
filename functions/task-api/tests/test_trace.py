"""W3C Trace Context, as the specification's own examples have it."""

from __future__ import annotations

import re

import pytest

from task_api.trace import trace_of

_TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
_PARENT = f"00-{_TRACE_ID}-00f067aa0ba902b7-01"
_VALID = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def test_a_trace_goes_on_with_a_span_of_its_own() -> None:
    trace = trace_of(_PARENT, "congo=t61rcWkgMzE")
    assert trace.trace_id == _TRACE_ID
    assert trace.tracestate == "congo=t61rcWkgMzE"
    assert _VALID.fullmatch(trace.traceparent)
    assert trace.traceparent.startswith(f"00-{_TRACE_ID}-")
    assert trace.traceparent != _PARENT


def test_the_sampling_decision_is_kept() -> None:
    assert trace_of(_PARENT.removesuffix("01") + "00").traceparent.endswith("-00")


def test_a_later_version_may_have_more_fields() -> None:
    assert trace_of(f"cc-{_TRACE_ID}-00f067aa0ba902b7-01-what-comes").trace_id == _TRACE_ID


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        "nonsense",
        f"ff-{_TRACE_ID}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{_TRACE_ID}-{'0' * 16}-01",
        _PARENT.upper(),
        f"{_PARENT}\r\nx: y",
    ],
)
def test_without_a_valid_parent_a_trace_begins(parent: str | None) -> None:
    trace = trace_of(parent, "congo=t61rcWkgMzE")
    assert _VALID.fullmatch(trace.traceparent)
    assert trace.trace_id != _TRACE_ID
    assert trace.tracestate is None


def test_a_state_that_cannot_be_a_header_is_dropped() -> None:
    assert trace_of(_PARENT, "a=\x80").tracestate is None
    assert trace_of(_PARENT, "a" * 513).tracestate is None
