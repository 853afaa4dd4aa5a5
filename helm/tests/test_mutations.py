"""The gates, gated: manifests broken on purpose, and who notices."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from rich.console import Console
from rich.table import Table

from helm.gates import core, crds, invariants, policy, scanners, strict, suite
from helm.gates.accepted import acceptances
from helm.gates.finding import GateError
from helm.gates.lift import lifted, scannable
from helm.gates.objects import Object, Objects, canonical, title

from .gated import environments, missing
from .mutations import MUTATIONS

pytestmark = [pytest.mark.xdist_group("gates"), pytest.mark.timeout(400)]

# Faults no gate can know to be one, and who does.
UNCAUGHT = {
    "a wrong number": "any number within the schema may be meant; the benchmarks and the cluster say",
    "a registry of strangers": "whose registry it is, only who installs knows: a cluster's admission policy",
}


def noticed() -> Mapping[str, tuple[str, ...]]:
    """Name of the mutation -> the gates that notice it; the scanners run once over all of them."""
    named = {each.name: each for each in environments()}
    found: dict[str, set[str]] = {each.name: set() for each in MUTATIONS}
    to_scan: dict[str, Object] = {}
    for number, mutation in enumerate(MUTATIONS):
        environment = named[mutation.environment]
        before, after = environment.objects, mutation.applied(environment.objects)
        findings = suite.without_scanners(before, after, chart=environment.values is not None)
        found[mutation.name] |= {each.gate for each in findings}
        to_scan |= {f"{number}": lifted(each) for each in changed(before, after) if scannable(each)}
    for file in refused(to_scan):
        found[MUTATIONS[int(file)].name].add(policy.GATE)
    return {name: tuple(sorted(gates)) for name, gates in found.items()}


def changed(before: Objects, after: Objects) -> list[Object]:
    known = {canonical(each) for each in before}
    return [each for each in after if canonical(each) not in known]


def refused(objects: dict[str, Object]) -> set[str]:
    """Files with a rule broken; that one file has no NetworkPolicy beside it is no fault of the mutation."""
    left = policy.refused(scanners.scan(objects), objects, acceptances())
    return {each.file for each in left if each.rule != "CKV2_K8S_6"}


def table(gates_of: Mapping[str, tuple[str, ...]]) -> Table:
    result = Table("mutation", "of", "noticed by")
    for each in MUTATIONS:
        gates = ", ".join(gates_of[each.name])
        result.add_row(each.name, each.subject, gates or f"nobody: {UNCAUGHT.get(each.name)}")
    return result


def test_should_notice_at_least_38_of_40_faults_and_say_why_nobody_can_notice_the_others() -> None:
    try:
        gates_of = noticed()
    except GateError as error:
        missing(str(error))
    Console(width=140).print(table(gates_of))
    unnoticed = {name for name, gates in gates_of.items() if not gates}
    assert unnoticed == UNCAUGHT.keys()
    assert len(MUTATIONS) >= 40
    assert len(MUTATIONS) - len(unnoticed) >= 38
    assert (len(MUTATIONS) - len(unnoticed)) / len(MUTATIONS) >= 38 / 40
    # A gate that never notices a fault alone could go; Helm's lint looks at values, and scanners repeat
    # what our invariants say, in the words of others.
    alone = {gates[0] for gates in gates_of.values() if len(gates) == 1}
    assert alone == {core.GATE, crds.GATE, strict.GATE, invariants.GATE}


def test_should_change_an_object_that_is_there_in_every_mutation() -> None:
    named = {each.name: each for each in environments()}
    for mutation in MUTATIONS:
        before = named[mutation.environment].objects
        assert [title(each) for each in before].count(mutation.subject) == 1, mutation.name
        after = mutation.applied(before)
        assert [canonical(each) for each in after] != [canonical(each) for each in before], mutation.name


def test_should_find_nothing_in_what_was_not_mutated() -> None:
    for name in {each.environment for each in MUTATIONS}:
        (environment,) = (each for each in environments() if each.name == name)
        is_chart = environment.values is not None
        try:
            assert suite.without_scanners(Objects([]), environment.objects, chart=is_chart) == []
        except GateError as error:
            missing(str(error))
