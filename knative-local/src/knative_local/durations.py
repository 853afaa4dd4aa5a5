"""The two ways in which Knative writes a length of time; both become seconds."""

from __future__ import annotations

import re

_ISO = re.compile(
    r"P(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def iso_seconds(text: str) -> float:
    """``PT0.5S`` of a delivery specification. Years and months have no fixed length and are refused."""
    match = _ISO.fullmatch(text)
    if match is None or len(text) < 3:
        raise ValueError(f"'{text}' is not an ISO 8601 duration such as PT0.5S or PT10M")
    days, hours, minutes, seconds = (
        float(match[name] or 0) for name in ("days", "hours", "minutes", "seconds")
    )
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def go_seconds(text: str) -> float:
    """``1m30s`` of an annotation or a ConfigMap."""
    if text == "0":
        return 0.0
    parts = _GO_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"'{text}' is not a duration such as 30s or 1m30s")
    return sum(float(number) * _GO_UNITS[unit] for number, unit in parts)
