"""What a cluster keeps Pods to: who may talk to whom, how many may go at once, how much there may be."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from knative_local.manifests.fields import Object, WithoutEffect
from knative_local.manifests.metadata import Metadata
from knative_local.manifests.selectors import LabelSelector

_Protocol: TypeAlias = Literal["TCP", "UDP", "SCTP"]


class AddressBlock(Object):
    cidr: str
    except_: tuple[str, ...] = msgspec.field(name="except", default=())


class Peer(Object):
    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: AddressBlock | None = None


class PolicyPort(Object):
    protocol: _Protocol = "TCP"
    port: int | str | None = None
    end_port: int | None = None


class InRule(Object):
    from_: tuple[Peer, ...] = msgspec.field(name="from", default=())
    ports: tuple[PolicyPort, ...] = ()


class OutRule(Object):
    to: tuple[Peer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


class NetworkPolicySpec(Object):
    pod_selector: LabelSelector
    policy_types: tuple[Literal["Ingress", "Egress"], ...] = ()
    ingress: tuple[InRule, ...] = ()
    egress: tuple[OutRule, ...] = ()


class NetworkPolicy(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Annotated[
        NetworkPolicySpec, WithoutEffect("processes share this machine's network: nothing is between them")
    ]


class PodDisruptionBudgetSpec(Object):
    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: Literal["IfHealthyBudget", "AlwaysAllow"] | None = None


class PodDisruptionBudget(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Annotated[PodDisruptionBudgetSpec, WithoutEffect("nobody drains this machine")]


class ResourceQuotaSpec(Object):
    hard: dict[str, str | int] = msgspec.field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    scope_selector: Any = None


class ResourceQuota(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Annotated[ResourceQuotaSpec, WithoutEffect("processes share this machine without limits")]
