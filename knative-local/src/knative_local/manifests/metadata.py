"""``metadata`` of the kinds, and the annotations that are read from it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec

from knative_local.manifests.fields import Keys, Object, Refused, WithoutEffect

_OneRevision: TypeAlias = Annotated[Any, WithoutEffect("there is one revision, the one in the manifest")]
_MisplacedScaling: TypeAlias = Annotated[
    Any,
    Refused(
        "has no effect on a Service in Knative either: it belongs into spec.template.metadata.annotations"
    ),
]
_Group = "autoscaling.knative.dev/"


class Labels(Keys):
    visibility: str | None = msgspec.field(name="networking.knative.dev/visibility", default=None)


class Annotations(Keys):
    pass


class ServiceAnnotations(Keys):
    rollout_duration: _OneRevision = msgspec.field(name="serving.knative.dev/rollout-duration", default=None)
    creator: Annotated[Any, WithoutEffect("it is a record")] = msgspec.field(
        name="serving.knative.dev/creator", default=None
    )
    last_modifier: Annotated[Any, WithoutEffect("it is a record")] = msgspec.field(
        name="serving.knative.dev/lastModifier", default=None
    )
    autoscaler_class: _MisplacedScaling = msgspec.field(name=_Group + "class", default=None)
    metric: _MisplacedScaling = msgspec.field(name=_Group + "metric", default=None)
    target: _MisplacedScaling = msgspec.field(name=_Group + "target", default=None)
    min_scale: _MisplacedScaling = msgspec.field(name=_Group + "min-scale", default=None)
    max_scale: _MisplacedScaling = msgspec.field(name=_Group + "max-scale", default=None)


class RevisionAnnotations(Keys):
    """Text as written; `knative_local.scaling_annotations` turns it into numbers."""

    autoscaler_class: str | None = msgspec.field(name=_Group + "class", default=None)
    metric: str | None = msgspec.field(name=_Group + "metric", default=None)
    target: str | None = msgspec.field(name=_Group + "target", default=None)
    utilization: str | None = msgspec.field(name=_Group + "target-utilization-percentage", default=None)
    min_scale: str | None = msgspec.field(name=_Group + "min-scale", default=None)
    max_scale: str | None = msgspec.field(name=_Group + "max-scale", default=None)
    initial_scale: str | None = msgspec.field(name=_Group + "initial-scale", default=None)
    activation_scale: str | None = msgspec.field(name=_Group + "activation-scale", default=None)
    scale_down_delay: str | None = msgspec.field(name=_Group + "scale-down-delay", default=None)
    window: str | None = msgspec.field(name=_Group + "window", default=None)
    panic_window: str | None = msgspec.field(name=_Group + "panic-window-percentage", default=None)
    panic_threshold: str | None = msgspec.field(name=_Group + "panic-threshold-percentage", default=None)
    pod_retention: str | None = msgspec.field(
        name=_Group + "scale-to-zero-pod-retention-period", default=None
    )
    target_burst_capacity: str | None = msgspec.field(name=_Group + "target-burst-capacity", default=None)
    aggregation: Annotated[Any, Refused("only the default algorithm (linear) is here: leave the key out")] = (
        msgspec.field(name=_Group + "metric-aggregation-algorithm", default=None)
    )
    progress_deadline: str | None = msgspec.field(name="serving.knative.dev/progress-deadline", default=None)


class BrokerAnnotations(Keys):
    broker_class: str | None = msgspec.field(name="eventing.knative.dev/broker.class", default=None)
    external_topic: str | None = msgspec.field(name="kafka.eventing.knative.dev/external.topic", default=None)


class TriggerAnnotations(Keys):
    delivery_order: str | None = msgspec.field(name="kafka.eventing.knative.dev/delivery.order", default=None)


class Metadata(Object):
    name: str
    namespace: str = "default"
    labels: Labels = msgspec.field(default_factory=Labels)
    annotations: Annotations = msgspec.field(default_factory=Annotations)


class ServiceMetadata(Object):
    name: str
    namespace: str = "default"
    labels: Labels = msgspec.field(default_factory=Labels)
    annotations: ServiceAnnotations = msgspec.field(default_factory=ServiceAnnotations)


class RevisionMetadata(Object):
    name: Annotated[Any, Refused("a revision's name makes roll-outs fail; leave it to Knative")] = None
    namespace: Annotated[Any, WithoutEffect("the Service's namespace counts")] = None
    labels: Labels = msgspec.field(default_factory=Labels)
    annotations: RevisionAnnotations = msgspec.field(default_factory=RevisionAnnotations)


class BrokerMetadata(Object):
    name: str
    namespace: str = "default"
    labels: Labels = msgspec.field(default_factory=Labels)
    annotations: BrokerAnnotations = msgspec.field(default_factory=BrokerAnnotations)


class TriggerMetadata(Object):
    name: str
    namespace: str = "default"
    labels: Labels = msgspec.field(default_factory=Labels)
    annotations: TriggerAnnotations = msgspec.field(default_factory=TriggerAnnotations)


class PodMetadata(Object):
    name: Annotated[Any, WithoutEffect("the object around it names the processes")] = None
    labels: Labels = msgspec.field(default_factory=Labels)
    annotations: Annotations = msgspec.field(default_factory=Annotations)
