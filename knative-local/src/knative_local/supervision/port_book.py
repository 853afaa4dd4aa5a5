"""Which listening socket belongs to whom."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

from knative_local.manifests.reading import Manifests
from knative_local.manifests.serving import Service
from knative_local.manifests.workloads import Deployment
from knative_local.planning.addresses import Key
from knative_local.planning.companions import needed
from knative_local.planning.plan import Ports
from knative_local.planning.routes import first_port
from knative_local.ports import bind, free_port
from knative_local.profile import Profile


class PortBook:
    """Sockets of our own are taken at once. Ports of other processes are kept by nobody until those start."""

    def __init__(self, manifests: Manifests, profile: Profile, first: int | None) -> None:
        numbers: Iterator[int] = itertools.repeat(0) if first is None else itertools.count(first)
        public = [
            loaded for loaded in manifests.of(Service) if loaded.body.metadata.labels.visibility is None
        ]
        internal = [loaded for loaded in manifests.of(Service) if loaded not in public]
        self.services: dict[Key, socket.socket] = {}
        for loaded in public:
            self.services[loaded.namespace, loaded.name] = bind(next(numbers))
        broker = _reserved(next(numbers))
        companions = {name: _reserved(next(numbers)) for name in needed(profile, manifests)}
        self.status = bind(next(numbers))
        for loaded in internal:
            self.services[loaded.namespace, loaded.name] = bind(next(numbers))
        for deployment in manifests.of(Deployment):
            if first_port(deployment) is not None:
                self.services[deployment.namespace, deployment.name] = bind(next(numbers))
        self.postgres = _reserved(next(numbers)) if profile.postgres and first is not None else None
        self.ports = Ports(
            services={key: _number(listener) for key, listener in self.services.items()},
            broker=broker,
            status=_number(self.status),
            companions=companions,
        )

    def close(self) -> None:
        for listener in (*self.services.values(), self.status):
            listener.close()


def _reserved(port: int) -> int:
    """Fail now rather than in the log of the process that will listen there."""
    if port == 0:
        return free_port()
    bind(port).close()
    return port


def _number(listener: socket.socket) -> int:
    number: int = listener.getsockname()[1]
    return number
