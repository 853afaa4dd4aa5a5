"""Names of the cluster and where they are on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

Key: TypeAlias = tuple[str, str]  # namespace and name

_CLUSTER_URL = re.compile(
    r"(?P<base>https?://(?P<host>[A-Za-z0-9.-]+?\.svc(?:\.cluster\.local)?)(?::(?P<port>\d+))?)"
    r"(?![A-Za-z0-9.-])(?P<path>/[A-Za-z0-9._~/-]*)?"
)
_CLUSTER_NAME = re.compile(r"[A-Za-z0-9.-]+\.svc\.cluster\.local")
_BROKER_INGRESSES = {"kafka-broker-ingress", "broker-ingress"}
_SINK_INGRESS = "kafka-sink-ingress"


def cluster_url(namespace: str, name: str) -> str:
    """The URL Knative gives a Service inside the cluster."""
    return f"http://{name}.{namespace}.svc.cluster.local"


@dataclass(frozen=True)
class Addresses:
    """Everything that has a URL; `companions` is keyed by the cluster URL it stands for."""

    services: Mapping[Key, str]
    broker_process: str
    brokers: frozenset[Key]
    sinks: frozenset[Key]
    companions: Mapping[str, str] = field(default_factory=dict)

    def broker(self, namespace: str, name: str) -> str:
        return f"{self.broker_process}/{namespace}/{name}"

    def sink(self, namespace: str, name: str) -> str:
        return f"{self.broker_process}/sinks/{namespace}/{name}"

    def localise(self, text: str) -> str:
        """Replace every cluster URL in the text; ValueError names one that leads nowhere."""
        local = _CLUSTER_URL.sub(self._local, text)
        left = _CLUSTER_NAME.search(local)
        if left:
            raise ValueError(f"{left[0]} does not exist on this machine")
        return local

    def _local(self, match: re.Match[str]) -> str:
        base, path = match["base"], match["path"] or ""
        for stood_for, url in self.companions.items():
            if _same_place(base, stood_for):
                return url + path
        name, namespace = match["host"].split(".")[:2]
        if base.startswith("https:") or match["port"] not in {None, "80"}:
            raise ValueError(f"{base}: services are reached with http and without a port")
        if (namespace, name) in self.services:
            return self.services[namespace, name] + path
        if namespace == "knative-eventing":
            return self._ingress(name, path)
        raise ValueError(f"{base} is neither a Service of the manifests nor a companion of the profile")

    def _ingress(self, name: str, path: str) -> str:
        key = tuple(path.strip("/").split("/"))
        if name in _BROKER_INGRESSES and key in self.brokers:
            return self.broker(*key)
        if name == _SINK_INGRESS and key in self.sinks:
            return self.sink(*key)
        raise ValueError(
            f"{name}.knative-eventing has no '{path}' here: the manifests define no such Broker or sink"
        )


def _same_place(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    strip = ".cluster.local"
    return (first.scheme, (first.hostname or "").removesuffix(strip), first.port) == (
        second.scheme,
        (second.hostname or "").removesuffix(strip),
        second.port,
    )
