"""What must be true of our own objects whatever the values, and what no schema can say.

Each invariant takes the objects of one environment and yields what is wrong: an object, or the name of one
that is not there, and a sentence. It applies to the objects it finds, so it holds for every environment.
"""

from __future__ import annotations

from collections.abc import Sequence

from helm.gates.environments import Environment
from helm.gates.finding import Finding, Result
from helm.gates.invariants import accounts, edge, eventing, kafka, knative, network, pods, scaling
from helm.gates.objects import Objects, title

GATE = "invariants"
OF_EVERYTHING = (pods.INVARIANTS, accounts.INVARIANTS)
OF_THE_CHART = (
    scaling.INVARIANTS,
    knative.INVARIANTS,
    eventing.INVARIANTS,
    network.INVARIANTS,
    edge.INVARIANTS,
)
OF_FOLDERS = (kafka.INVARIANTS,)


def check(environments: Sequence[Environment]) -> Result:
    findings = [
        Finding(GATE, each.name, subject, fault)
        for each in environments
        for subject, fault in faults_of(each.objects, chart=each.values is not None)
    ]
    return Result(GATE, sum(len(list(each.objects)) for each in environments), tuple(findings))


def faults_of(objects: Objects, *, chart: bool = True) -> list[tuple[str, str]]:
    groups = (*OF_EVERYTHING, *(OF_THE_CHART if chart else OF_FOLDERS))
    return [
        (subject if isinstance(subject, str) else title(subject), fault)
        for group in groups
        for invariant in group
        for subject, fault in invariant(objects)
    ]
