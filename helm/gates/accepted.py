"""The findings of scanners that are accepted, each with its reason; see accepted.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from .finding import GateError


@dataclass(frozen=True)
class Acceptance:
    """A rule that the named objects (`Kind/name`, with `*`) break on purpose."""

    rule: str
    objects: tuple[str, ...]
    reason: str

    def covers(self, rule: str, subject: str) -> bool:
        return rule == self.rule and any(fnmatchcase(subject, pattern) for pattern in self.objects)


def acceptances(path: Path | None = None) -> list[Acceptance]:
    path = path or Path(__file__).with_name("accepted.toml")
    entries = tomllib.loads(path.read_text()).get("accepted", [])
    found = []
    for entry in entries:
        if set(entry) != {"rule", "objects", "reason"} or not entry["reason"].strip() or not entry["objects"]:
            raise GateError(f"{path.name}: {entry} needs exactly a rule, objects and a reason.")
        found.append(Acceptance(entry["rule"], tuple(entry["objects"]), entry["reason"]))
    return found


def unused(known: Iterable[Acceptance], broken: Iterable[tuple[str, str]]) -> list[str]:
    """What is accepted and no longer happens: per pattern, so that the list can only shrink to the truth."""
    seen = list(broken)
    return [
        f"{each.rule} for {pattern}"
        for each in known
        for pattern in each.objects
        if not any(rule == each.rule and fnmatchcase(subject, pattern) for rule, subject in seen)
    ]
