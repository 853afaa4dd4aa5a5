"""What NetworkPolicies allow, by the rules of networking.k8s.io/v1."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from .objects import Object


@dataclass(frozen=True)
class Pod:
    namespace: str
    labels: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Address:
    """Somebody outside the cluster."""

    ip: str


Peer = Pod | Address


@dataclass(frozen=True)
class Port:
    number: int
    protocol: str = "TCP"


def allowed(policies: Iterable[Object], source: Peer, target: Peer, port: Port) -> bool:
    """Both ends have to agree: the source may go out, and the target lets it in."""
    policies = list(policies)
    return _side(policies, "Egress", source, target, port) and _side(
        policies, "Ingress", target, source, port
    )


def _side(policies: list[Object], direction: str, subject: Peer, other: Peer, port: Port) -> bool:
    """A pod that no policy of this direction selects is open; one that is selected needs one rule that fits."""
    selecting = [
        each for each in policies if direction in each["spec"]["policyTypes"] and selects(each, subject)
    ]
    key, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    rules = [(each, rule) for each in selecting for rule in each["spec"].get(key, [])]
    return not selecting or any(
        _port_fits(rule, port) and _peer_fits(each, rule, peers, other) for each, rule in rules
    )


def selects(policy: Object, subject: Peer) -> bool:
    return (
        isinstance(subject, Pod)
        and subject.namespace == policy["metadata"]["namespace"]
        and matches(policy["spec"]["podSelector"], subject.labels)
    )


def matches(selector: Object, labels: dict[str, str]) -> bool:
    unknown = set(selector) - {"matchLabels", "matchExpressions"}
    assert not unknown, unknown
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        _expression(each, labels) for each in selector.get("matchExpressions", [])
    )


def _expression(expression: Object, labels: dict[str, str]) -> bool:
    assert expression["operator"] == "In", "another operator is not needed so far"
    return labels.get(expression["key"]) in expression["values"]


def _port_fits(rule: Object, port: Port) -> bool:
    ports = rule.get("ports", [])
    return not ports or any(
        each["port"] == port.number and each.get("protocol", "TCP") == port.protocol for each in ports
    )


def _peer_fits(policy: Object, rule: Object, key: str, other: Peer) -> bool:
    peers = rule.get(key, [])
    return not peers or any(_fits(policy, each, other) for each in peers)


def _fits(policy: Object, peer: Object, other: Peer) -> bool:
    if "ipBlock" in peer:
        return isinstance(other, Address) and _inside(peer["ipBlock"], other.ip)
    if isinstance(other, Address):
        return False
    return _namespace_fits(policy, peer, other) and matches(peer.get("podSelector", {}), other.labels)


def _namespace_fits(policy: Object, peer: Object, other: Pod) -> bool:
    if "namespaceSelector" not in peer:
        return bool(other.namespace == policy["metadata"]["namespace"])
    return matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})


def _inside(block: Object, ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    return address in ipaddress.ip_network(block["cidr"]) and not any(
        address in ipaddress.ip_network(each) for each in block.get("except", [])
    )
