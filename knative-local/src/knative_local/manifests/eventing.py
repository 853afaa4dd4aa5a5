"""``eventing.knative.dev`` and ``sources.knative.dev``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from knative_local.manifests.fields import Kafka, Object, Refused
from knative_local.manifests.metadata import BrokerMetadata, Metadata, TriggerMetadata

_Encryption: TypeAlias = Annotated[Any, Refused("deliveries on one machine are neither encrypted nor signed")]
_NotInKafka: TypeAlias = Annotated[
    Any, Refused("Knative's Kafka data plane ignores it, so nothing may rely on it")
]


class Reference(Object):
    kind: str
    name: str
    api_version: str = ""
    namespace: str | None = None


class Destination(Object):
    ref: Reference | None = None
    uri: str | None = None
    ca_certs: _Encryption = msgspec.field(name="CACerts", default=None)
    audience: _Encryption = None


class Delivery(Object):
    retry: int | None = None
    backoff_policy: Literal["linear", "exponential"] | None = None
    backoff_delay: str | None = None
    timeout: str | None = None
    dead_letter_sink: Destination | None = None
    retry_after_max: _NotInKafka = None
    format: _NotInKafka = None


class ConfigReference(Object):
    name: str
    kind: Literal["ConfigMap"] = "ConfigMap"
    api_version: Literal["v1"] = "v1"
    namespace: str | None = None


class BrokerSpec(Object):
    config: ConfigReference | None = None
    delivery: Delivery | None = None


class Broker(Object):
    api_version: str
    kind: str
    metadata: BrokerMetadata
    spec: BrokerSpec = msgspec.field(default_factory=BrokerSpec)


class LegacyFilter(Object):
    attributes: dict[str, str] = msgspec.field(default_factory=dict)


class Filter(Object):
    """Exactly one dialect per element, as Knative's webhook demands."""

    exact: dict[str, str] | None = None
    prefix: dict[str, str] | None = None
    suffix: dict[str, str] | None = None
    all: tuple[Filter, ...] | None = None
    any: tuple[Filter, ...] | None = None
    not_: Filter | None = msgspec.field(name="not", default=None)
    cesql: Annotated[
        Any, Refused("CESQL is not spoken here; write it with exact, prefix, suffix, all, any, not")
    ] = None


class TriggerSpec(Object):
    broker: str
    subscriber: Destination
    filter: LegacyFilter | None = None
    filters: tuple[Filter, ...] | None = None
    delivery: Delivery | None = None
    broker_ref: Annotated[Any, Refused("a Trigger listens to a Broker of its own namespace here")] = None


class Trigger(Object):
    api_version: str
    kind: str
    metadata: TriggerMetadata
    spec: TriggerSpec


class KafkaSinkSpec(Object):
    topic: str
    num_partitions: int = 10
    content_mode: Literal["binary", "structured"] = "structured"
    replication_factor: Kafka = None
    bootstrap_servers: Kafka = None
    auth: Kafka = None


class KafkaSink(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: KafkaSinkSpec


class PingSourceSpec(Object):
    sink: Destination
    schedule: str = "* * * * *"
    timezone: str | None = None
    content_type: str | None = None
    data: str | None = None
    data_base64: Annotated[Any, Refused("write the text into data")] = None
    ce_overrides: Annotated[Any, Refused("a PingSource sends its own attributes here")] = None


class PingSource(Object):
    api_version: str
    kind: str
    metadata: Metadata
    spec: PingSourceSpec
