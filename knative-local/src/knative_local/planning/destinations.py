"""Where events go: references and URIs of the manifests as URLs of this machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from knative_local.manifests import serving, workloads
from knative_local.manifests.document import KeyPath
from knative_local.manifests.eventing import Broker, Destination, KafkaSink, Reference
from knative_local.manifests.fields import Object
from knative_local.manifests.inspection import nearest
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.planning.addresses import Addresses, cluster_url

_KINDS: dict[str, tuple[type[Object], ...]] = {
    "Service": (serving.Service, workloads.Service),
    "Broker": (Broker,),
    "KafkaSink": (KafkaSink,),
}


class Destinations:
    """Resolves them for one owner; whatever leads nowhere is an error with its line."""

    def __init__(self, manifests: Manifests, addresses: Addresses) -> None:
        self._manifests = manifests
        self._addresses = addresses

    def resolve(self, owner: Loaded[Any], destination: Destination, at: KeyPath) -> tuple[str, str]:
        """The URL here, and the one by which the cluster would call it."""
        if destination.ref is not None:
            local, named = self._referenced(owner, destination.ref, (*at, "ref"))
            if destination.uri:
                return urljoin(local + "/", destination.uri), urljoin(named + "/", destination.uri)
            return local, named
        if not destination.uri:
            raise owner.document.error(at, "has neither ref nor uri")
        try:
            return self._addresses.localise(destination.uri), destination.uri
        except ValueError as error:
            raise owner.document.error((*at, "uri"), str(error)) from None

    def _referenced(self, owner: Loaded[Any], reference: Reference, at: KeyPath) -> tuple[str, str]:
        if reference.kind not in _KINDS:
            reason = f"'{reference.kind}' takes no events here{nearest(reference.kind, _KINDS)}"
            raise owner.document.error((*at, "kind"), reason)
        namespace = reference.namespace or owner.namespace
        self._check_version(owner, reference, namespace, at)
        try:
            return self._urls(reference.kind, namespace, reference.name)
        except ValueError as error:
            raise owner.document.error((*at, "name"), str(error)) from None

    def _check_version(self, owner: Loaded[Any], reference: Reference, namespace: str, at: KeyPath) -> None:
        """The object is there, and it is what the reference says it is."""
        kinds = _KINDS[reference.kind]
        same_name = (self._manifests.find(kind, namespace, reference.name) for kind in kinds)
        versions = [found.document.value["apiVersion"] for found in same_name if found is not None]
        if not versions:
            known = [loaded.name for kind in kinds for loaded in self._manifests.of(kind)]
            reason = f"there is no {reference.kind} '{reference.name}' in namespace {namespace}"
            raise owner.document.error((*at, "name"), reason + nearest(reference.name, known))
        if reference.api_version not in versions:
            reason = f"{reference.kind} is {versions[0]}, not '{reference.api_version}'"
            raise owner.document.error((*at, "apiVersion"), reason)

    def _urls(self, kind: str, namespace: str, name: str) -> tuple[str, str]:
        ingress = cluster_url("knative-eventing", "kafka-broker-ingress")
        sinks = cluster_url("knative-eventing", "kafka-sink-ingress")
        if kind == "Broker":
            return self._addresses.broker(namespace, name), f"{ingress}/{namespace}/{name}"
        if kind == "KafkaSink":
            return self._addresses.sink(namespace, name), f"{sinks}/{namespace}/{name}"
        return self._addresses.service(namespace, name), cluster_url(namespace, name)
