"""Always-on processes: Deployments, the Services that lead to them, and how many there are."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from knative_local.manifests.fields import Object, Refused, WithoutEffect
from knative_local.manifests.metadata import Annotations, Metadata
from knative_local.manifests.pod import PodSpec
from knative_local.manifests.selectors import LabelSelector

_Replacing: TypeAlias = Annotated[Any, WithoutEffect("processes are replaced by --reload only, all at once")]
_Addressing: TypeAlias = Annotated[Any, WithoutEffect("a Service is one port of the loopback interface")]
_NOT_MEASURED = WithoutEffect("nothing measures Pods here: minReplicas processes run")


class DeploymentPodSpec(PodSpec):
    restart_policy: Literal["Always"] = "Always"
    termination_grace_period_seconds: int = 30
    dns_policy: _Addressing = None
    hostname: _Addressing = None


class DeploymentPodMetadata(Object):
    name: Annotated[Any, WithoutEffect("the object around it names the processes")] = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: Annotations = msgspec.field(default_factory=Annotations)


class DeploymentTemplate(Object):
    spec: DeploymentPodSpec
    metadata: DeploymentPodMetadata = msgspec.field(default_factory=DeploymentPodMetadata)


class WorkloadSelector(Object):
    match_labels: dict[str, str] = msgspec.field(default_factory=dict)
    match_expressions: Annotated[Any, Refused("write it as matchLabels")] = None


class DeploymentSpec(Object):
    selector: WorkloadSelector
    template: DeploymentTemplate
    replicas: int = 1
    progress_deadline_seconds: int = 600
    strategy: _Replacing = None
    min_ready_seconds: _Replacing = None
    revision_history_limit: _Replacing = None
    paused: Annotated[Any, Refused("a Deployment that waits for a hand on the cluster cannot run here")] = (
        None
    )


class Deployment(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: DeploymentSpec


class ServicePort(Object):
    port: int
    name: str | None = None
    target_port: int | str | None = None
    protocol: Literal["TCP"] = "TCP"
    app_protocol: _Addressing = None
    node_port: _Addressing = None


class ServiceSpec(Object):
    selector: dict[str, str] = msgspec.field(default_factory=dict)
    ports: tuple[ServicePort, ...] = ()
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    cluster_ip: _Addressing = msgspec.field(name="clusterIP", default=None)
    cluster_ips: _Addressing = msgspec.field(name="clusterIPs", default=None)
    ip_families: _Addressing = None
    ip_family_policy: _Addressing = None
    internal_traffic_policy: _Addressing = None
    external_traffic_policy: _Addressing = None
    traffic_distribution: _Addressing = None
    session_affinity: Annotated[Any, WithoutEffect("all requests come from this machine")] = None
    session_affinity_config: Annotated[Any, WithoutEffect("all requests come from this machine")] = None
    allocate_load_balancer_node_ports: _Addressing = None
    load_balancer_class: _Addressing = None
    load_balancer_source_ranges: _Addressing = None
    external_name: Annotated[Any, Refused("a Service leads to a Deployment of the manifests here")] = None
    external_ips: Annotated[Any, Refused("a Service leads to a Deployment of the manifests here")] = (
        msgspec.field(name="externalIPs", default=None)
    )
    publish_not_ready_addresses: Annotated[
        Any, Refused("requests go to processes that have passed their readiness probe")
    ] = None


class Service(Object):
    """The core kind; Knative's own is in `knative_local.manifests.serving`."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: ServiceSpec


class ScaleTarget(Object):
    kind: Literal["Deployment"]
    name: str
    api_version: Literal["apps/v1"]


class MetricTarget(Object):
    type: Literal["Utilization", "Value", "AverageValue"]
    average_utilization: int | None = None
    average_value: int | str | None = None
    value: int | str | None = None


class MetricIdentifier(Object):
    name: str
    selector: LabelSelector | None = None


class ResourceMetric(Object):
    name: str
    target: MetricTarget


class ContainerResourceMetric(ResourceMetric):
    container: str


class NamedMetric(Object):
    metric: MetricIdentifier
    target: MetricTarget


class DescribedObject(Object):
    kind: str
    name: str
    api_version: str | None = None


class ObjectMetric(NamedMetric):
    described_object: DescribedObject


class Metric(Object):
    type: Literal["Resource", "ContainerResource", "Pods", "Object", "External"]
    resource: ResourceMetric | None = None
    container_resource: ContainerResourceMetric | None = None
    pods: NamedMetric | None = None
    object: ObjectMetric | None = None
    external: NamedMetric | None = None


class ScalingPolicy(Object):
    type: Literal["Pods", "Percent"]
    value: int
    period_seconds: int


class ScalingRules(Object):
    stabilization_window_seconds: int | None = None
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: tuple[ScalingPolicy, ...] = ()
    tolerance: int | float | str | None = None


class Behavior(Object):
    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


class HorizontalPodAutoscalerSpec(Object):
    scale_target_ref: ScaleTarget
    max_replicas: Annotated[int, _NOT_MEASURED]
    min_replicas: int = 1
    metrics: Annotated[tuple[Metric, ...], _NOT_MEASURED] = ()
    behavior: Annotated[Behavior | None, _NOT_MEASURED] = None


class HorizontalPodAutoscaler(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: HorizontalPodAutoscalerSpec
