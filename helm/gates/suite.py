"""All gates over the same environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from . import core, crds, invariants, lint, policy, strict
from .environments import Environment
from .finding import Finding, Result
from .objects import Objects, canonical, title

Gate = Callable[[Sequence[Environment]], Result]
GATES: Mapping[str, Gate] = {
    lint.GATE: lint.check,
    core.GATE: core.check,
    crds.GATE: crds.check,
    strict.GATE: strict.check,
    invariants.GATE: invariants.check,
    policy.GATE: policy.check,
}


def run(environments: Sequence[Environment], names: Sequence[str] = ()) -> list[Result]:
    """All, or the named ones; the scanners, which take longest, come last."""
    return [gate(environments) for name, gate in GATES.items() if name in (names or GATES)]


def without_scanners(before: Objects, after: Objects, *, chart: bool) -> list[Finding]:
    """What the gates in this process find in objects that were changed, `before` being free of findings."""
    known = {canonical(each) for each in before}
    changed = [each for each in after if canonical(each) not in known]
    found = [
        (core.GATE, title(each), fault)
        for each in changed
        if core.knows(each)
        for fault in core.faults_of(each)
    ]
    found += [
        (crds.GATE, title(each), fault)
        for each in changed
        if crds.is_custom(each)
        for fault in crds.faults_of(each)
    ]
    found += [
        (strict.GATE, title(each), fault)
        for each in changed
        if strict.concerns(each)
        for fault in strict.faults_of(each)
    ]
    found += [(invariants.GATE, *fault) for fault in invariants.faults_of(after, chart=chart)]
    return [Finding(gate, "", subject, fault) for gate, subject, fault in found]
