"""Names of the cluster and where they are on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

from knative_local.ports import LOOPBACK

Key: TypeAlias = tuple[str, str]  # namespace and name

_CLUSTER_URL = re.compile(
    r"(?P<base>https?://(?P<host>[A-Za-z0-9.-]+?\.svc(?:\.cluster\.local)?)(?::(?P<port>\d+))?)"
    r"(?![A-Za-z0-9.-])(?P<path>/[A-Za-z0-9._~/-]*)?"
)
_CLUSTER_NAME = re.compile(r"[A-Za-z0-9.-]+\.svc\.cluster\.local")
_BROKER_INGRESSES = {"kafka-broker-ingress", "broker-ingress"}
_SINK_INGRESS = "kafka-sink-ingress"
_EVERY_INTERFACE = {"0.0.0.0", "::"}  # noqa: S104 - to be replaced
HTTP_PORT = 80


def cluster_url(namespace: str, name: str) -> str:
    """The URL Knative gives a Service inside the cluster."""
    return f"http://{name}.{namespace}.svc.cluster.local"


@dataclass(frozen=True)
class Addresses:
    """Everything that has a URL; `companions` is keyed by the cluster URL it stands for, a service's by port."""

    services: Mapping[Key, Mapping[int, str]]
    broker_process: str
    brokers: frozenset[Key]
    sinks: frozenset[Key]
    companions: Mapping[str, str] = field(default_factory=dict)

    def broker(self, namespace: str, name: str) -> str:
        return f"{self.broker_process}/{namespace}/{name}"

    def sink(self, namespace: str, name: str) -> str:
        return f"{self.broker_process}/sinks/{namespace}/{name}"

    def service(self, namespace: str, name: str, port: int = HTTP_PORT) -> str:
        """ValueError when it is not reached on that port."""
        ports = self.services[namespace, name]
        if port not in ports:
            known = " and ".join(map(str, ports)) or "none"
            raise ValueError(f"{name}.{namespace} has no port {port} here, but {known}")
        return ports[port]

    def localise(self, text: str) -> str:
        """Replace every cluster URL in the text; ValueError names one that leads nowhere.

        Who listens on every interface means those of its Pod: here that is the loopback.
        """
        if text in _EVERY_INTERFACE:
            return LOOPBACK
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
        if base.startswith("https:"):
            raise ValueError(f"{base}: services are reached with http")
        if (namespace, name) in self.services:
            return self.service(namespace, name, int(match["port"] or HTTP_PORT)) + path
        if namespace == "knative-eventing" and match["port"] in {None, "80"}:
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
