"""Which Deployment a Service leads to, and by which of its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.manifests.document import KeyPath
from knative_local.manifests.inspection import Ineffective, ineffective
from knative_local.manifests.pod import Port
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.manifests.workloads import Deployment, Service

_UNREACHED = "only the first port of a container is reached here; the process is told it as PORT"


@dataclass(frozen=True)
class Route:
    """`ports` of the Service lead to the first port of the Deployment's container."""

    service: Loaded[Service]
    deployment: Loaded[Deployment]
    ports: tuple[int, ...]
    ineffective: tuple[Ineffective, ...]


def routes(manifests: Manifests) -> list[Route]:
    """Raise `ManifestError` for a Service that leads nowhere."""
    return [_route(manifests, loaded) for loaded in manifests.of(Service)]


def first_port(deployment: Loaded[Deployment]) -> Port | None:
    """The one that other processes can reach."""
    containers = deployment.body.spec.template.spec.containers
    return containers[0].ports[0] if containers and containers[0].ports else None


def _route(manifests: Manifests, loaded: Loaded[Service]) -> Route:
    deployment = _selected(manifests, loaded)
    ports: list[int] = []
    unreached: list[Ineffective] = []
    for index, given in enumerate(loaded.body.spec.ports):
        at: KeyPath = ("spec", "ports", index)
        if _is_first(loaded, deployment, given.port if given.target_port is None else given.target_port, at):
            ports.append(given.port)
        else:
            unreached.append(ineffective(loaded.document, at, _UNREACHED))
    return Route(loaded, deployment, tuple(ports), tuple(unreached))


def _selected(manifests: Manifests, loaded: Loaded[Service]) -> Loaded[Deployment]:
    selector = loaded.body.spec.selector
    if not selector:
        raise loaded.document.error(
            ("spec", "selector"), "is empty: a Service leads to a Deployment of the manifests here"
        )
    found = [
        deployment
        for deployment in manifests.of(Deployment)
        if deployment.namespace == loaded.namespace
        and _matches(selector, deployment.body.spec.template.metadata.labels)
    ]
    if len(found) != 1:
        names = ", ".join(deployment.name for deployment in found) or "none"
        raise loaded.document.error(
            ("spec", "selector"), f"selects one Deployment of the manifests here, not {names}"
        )
    return found[0]


def _is_first(
    loaded: Loaded[Service], deployment: Loaded[Deployment], target: int | str, at: KeyPath
) -> bool:
    known = [
        port
        for container in deployment.body.spec.template.spec.containers
        for port in container.ports
        if target in {port.number, port.name}
    ]
    if not known:
        raise loaded.document.error(at, f"'{target}' is not a port of Deployment {deployment.name}")
    return known[0] == first_port(deployment)


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()
