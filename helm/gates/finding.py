"""What a gate says."""

from __future__ import annotations

from dataclasses import dataclass


class GateError(Exception):
    """Its text is one sentence for the person at the keyboard."""


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of one object, or of an environment as a whole."""

    gate: str
    environment: str
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.gate}: {self.environment}: {self.subject}: {self.message}"


@dataclass(frozen=True)
class Result:
    """What one gate found; `skipped` says what it could not look at, and why."""

    gate: str
    checked: int
    findings: tuple[Finding, ...] = ()
    skipped: str = ""
