"""Policy scanners over everything rendered, the pods of Knative Services lifted out: nothing found, or accepted.

checkov has no severities offline, so every one of its findings counts, as does every severity of trivy's:
that is more than "no HIGH, no CRITICAL".
"""

from __future__ import annotations

from collections.abc import Sequence

from .accepted import Acceptance, acceptances, unused
from .environments import Environment
from .finding import Finding, GateError, Result
from .lift import lifted, scannable
from .objects import Object, canonical, title
from .scanners import Violation, scan

GATE = "policy"


def check(environments: Sequence[Environment], *, complete: bool = False) -> Result:
    """With `complete`, these are all environments there are, and an acceptance nobody needs is a finding too."""
    objects = _distinct(environments)
    try:
        violations = scan({file: each for file, (_, each) in objects.items()})
    except GateError as error:
        return Result(GATE, 0, skipped=str(error))
    known = acceptances()
    findings = [
        Finding(GATE, objects[each.file][0], title(objects[each.file][1]), told(each))
        for each in refused(violations, {file: each for file, (_, each) in objects.items()}, known)
    ]
    if complete:
        broken = [(each.rule, title(objects[each.file][1])) for each in violations]
        findings += [
            Finding(GATE, "all", "accepted.toml", f"nothing needs the acceptance of {each}")
            for each in unused(known, broken)
        ]
    return Result(GATE, len(objects), tuple(findings))


def refused(
    violations: Sequence[Violation], objects: dict[str, Object], known: Sequence[Acceptance]
) -> list[Violation]:
    return [
        each
        for each in violations
        if not any(one.covers(each.rule, title(objects[each.file])) for one in known)
    ]


def told(violation: Violation) -> str:
    return " ".join(filter(None, (violation.rule, violation.severity, violation.message)))


def _distinct(environments: Sequence[Environment]) -> dict[str, tuple[str, Object]]:
    """File name -> environment and object: what several environments have alike is scanned once."""
    found: dict[str, tuple[str, Object]] = {}
    seen: set[str] = set()
    for environment in environments:
        for each in environment.objects:
            if scannable(each) and (text := canonical(lifted(each))) not in seen:
                seen.add(text)
                found[f"{len(seen)}"] = (environment.name, lifted(each))
    return found
