"""Who may talk to whom: nobody, and then exactly who has to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from helm.gates.objects import Object, Objects, labels_of, selects, template

Faults = Iterator[tuple[Object | str, str]]

DIRECTIONS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}

# cert-manager's pods, which come and go.
SOLVER = "acme.cert-manager.io/http01-solver"
# Every cloud's metadata service, which hands out the node's credentials.
METADATA = "169.254.0.0/16"
# PostgreSQL, with or without a pooler; the issuer.
ANYWHERE = {5432, 6432, 443}
# queue-proxy (requests, administration, autoscaler, metrics), task-api's metrics, the dashboard, the solver.
ANSWERED = {8012, 8013, 8022, 9090, 9091, 9464, 8080, "http", "metrics", 8089}


def nothing_is_allowed_at_first(objects: Objects) -> Faults:
    policies = objects.of("NetworkPolicy")
    if policies and not any(_denies_all(each) for each in policies):
        yield "NetworkPolicy", "none denies everything to every pod: what no policy selects is open."


def what_is_allowed_is_for_named_pods(objects: Objects) -> Faults:
    for each in objects.of("NetworkPolicy"):
        if _denies_all(each):
            continue
        selector = each["spec"].get("podSelector") or {}
        if not selector:
            yield each, "podSelector is empty: it allows something to every pod of the namespace."
        elif SOLVER not in selector.get("matchLabels", {}) and not _selected(objects, selector):
            yield each, "it selects no pod of this environment."


def what_is_allowed_is_named(objects: Objects) -> Faults:
    """A rule without peers means everybody, one without ports every port."""
    for each in objects.of("NetworkPolicy"):
        for direction, (rules, peers) in DIRECTIONS.items():
            found = each["spec"].get(rules) or []
            if direction not in each["spec"].get("policyTypes", []):
                yield each, f"policyTypes lacks {direction}: it says nothing about it, or in vain."
            for rule in found:
                if not rule.get(peers):
                    yield each, f"a rule of {rules} without `{peers}` means everybody."
                if not rule.get("ports"):
                    yield each, f"a rule of {rules} without ports means every port."
                yield from ((each, fault) for fault in _faults_of(rule, rules, rule.get(peers) or []))


def doors_are_those_somebody_answers_at(objects: Objects) -> Faults:
    for each in objects.of("NetworkPolicy"):
        opened = {
            port.get("port") for rule in each["spec"].get("ingress") or [] for port in rule.get("ports") or []
        }
        for port in sorted(opened - ANSWERED, key=str):
            yield each, f"it opens port {port}, where nothing of ours answers."
        api_and_functions = [one for one in objects.of("ksvc") if _takes(each, one)]
        if api_and_functions and 8080 in opened:
            yield each, "port 8080 is the process itself, past Knative's queue-proxy and its limits."


def every_pod_has_an_allowance(objects: Objects) -> Faults:
    """Or it could not even resolve a name."""
    policies = [each for each in objects.of("NetworkPolicy") if not _denies_all(each)]
    for each in objects.workloads() if objects.of("NetworkPolicy") else []:
        if not any(
            selects(one["spec"].get("podSelector") or {}, labels_of(template(each))) for one in policies
        ):
            yield each, "no NetworkPolicy lets its pods do anything."


def _denies_all(policy: Object) -> bool:
    spec = policy["spec"]
    both = {"Ingress", "Egress"} <= set(spec.get("policyTypes", []))
    return both and not spec.get("podSelector") and not spec.get("ingress") and not spec.get("egress")


def _takes(policy: Object, workload: Object) -> bool:
    return selects(policy["spec"].get("podSelector") or {}, labels_of(template(workload)))


def _selected(objects: Objects, selector: Object) -> bool:
    return any(selects(selector, labels_of(template(one))) for one in objects.workloads())


def _faults_of(rule: Object, direction: str, peers: list[Object]) -> Iterator[str]:
    """Everybody is meant only where the other side has no name: a database or an issuer somewhere, one port."""
    ports = [port.get("port") for port in rule.get("ports") or []]
    for peer in peers:
        if _is_anybody(peer) and (direction == "ingress" or not set(ports) <= ANYWHERE):
            yield f"{peer} is everybody, at {ports}."
        block = peer.get("ipBlock")
        if (
            block
            and ipaddress.ip_network(block["cidr"]).prefixlen == 0
            and METADATA not in block.get("except", [])
        ):
            yield f"{block['cidr']} without exceptions: the node's metadata, its networks, the whole cluster."


def _is_anybody(peer: Object) -> bool:
    block = peer.get("ipBlock")
    if block:
        return ipaddress.ip_network(block["cidr"]).prefixlen == 0
    return not any(peer.values())


INVARIANTS = (
    nothing_is_allowed_at_first,
    what_is_allowed_is_for_named_pods,
    what_is_allowed_is_named,
    doors_are_those_somebody_answers_at,
    every_pod_has_an_allowance,
)
