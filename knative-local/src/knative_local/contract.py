"""What the supervisor tells the broker process: every address resolved, every duration in seconds.

Knative's control plane hands its data plane such a contract too (``proto/contract.proto``); the
broker process therefore knows neither Kubernetes names nor manifests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec


class Exact(msgspec.Struct, frozen=True, tag="exact", tag_field="dialect"):
    """Each named attribute has this very value; an empty one means any (legacy ``filter.attributes``)."""

    attributes: dict[str, str]
    empty_is_any: bool = False


class Prefix(msgspec.Struct, frozen=True, tag="prefix", tag_field="dialect"):
    attributes: dict[str, str]


class Suffix(msgspec.Struct, frozen=True, tag="suffix", tag_field="dialect"):
    attributes: dict[str, str]


class All(msgspec.Struct, frozen=True, tag="all", tag_field="dialect"):
    filters: list[Filter]


class Any(msgspec.Struct, frozen=True, tag="any", tag_field="dialect"):
    filters: list[Filter]


class Not(msgspec.Struct, frozen=True, tag="not", tag_field="dialect"):
    filter: Filter


Filter: TypeAlias = Exact | Prefix | Suffix | All | Any | Not


class Delivery(msgspec.Struct, frozen=True):
    """How one Trigger delivers; the defaults are what Knative does when the key is absent."""

    retry: int = 0
    backoff_policy: Literal["linear", "exponential"] = "exponential"
    backoff_seconds: float = 0.2
    timeout_seconds: float = 600.0
    dead_letter_url: str | None = None


class Trigger(msgspec.Struct, frozen=True):
    name: str
    namespace: str
    broker: str  # the Broker's name in the same namespace
    subscriber_url: str
    subscriber_name: str  # the subscriber as the manifest names it: knativeerrordest shows it
    filters: list[Filter] = []  # every one must match; none: every event
    delivery: Delivery = Delivery()
    ordered: bool = False

    @property
    def group(self) -> str:
        """The consumer group Knative gives the Trigger (``triggers-consumergroup-template``)."""
        return f"knative-trigger-{self.namespace}-{self.name}"


class Broker(msgspec.Struct, frozen=True):
    name: str
    namespace: str
    topic: str
    partitions: int = 10
    retention_seconds: float = 7 * 24 * 3600.0


class Sink(msgspec.Struct, frozen=True):
    """A KafkaSink: what is posted to ``/<namespace>/<name>`` of the sink ingress is appended to ``topic``."""

    name: str
    namespace: str
    topic: str
    partitions: int = 10
    content_mode: Literal["binary", "structured"] = "structured"


class Ping(msgspec.Struct, frozen=True):
    name: str
    namespace: str
    schedule: str
    sink_url: str
    timezone: str | None = None
    content_type: str | None = None
    data: str | None = None


class Contract(msgspec.Struct, frozen=True):
    brokers: list[Broker] = []
    triggers: list[Trigger] = []
    sinks: list[Sink] = []
    pings: list[Ping] = []


def read(path: Path) -> Contract:
    """Decode the file; ``msgspec.ValidationError`` names the field that does not fit."""
    return msgspec.json.decode(path.read_bytes(), type=Contract)


def write(contract: Contract, path: Path) -> None:
    """Write by rename, so that a reader never sees half a contract."""
    draft = path.with_suffix(".tmp")
    draft.write_bytes(msgspec.json.encode(contract))
    draft.replace(path)
