"""A Knative Service as it will run."""

from __future__ import annotations

from dataclasses import dataclass

from knative_local.autoscaler.annotations import scaling_of
from knative_local.autoscaler.settings import Scaling
from knative_local.manifests.document import Document, KeyPath
from knative_local.manifests.pod import Container, Port
from knative_local.manifests.reading import Loaded
from knative_local.manifests.serving import RevisionSpec, Service
from knative_local.planning.addresses import Key
from knative_local.planning.environment import Sources
from knative_local.planning.probes import ProbePlan, plan_probe
from knative_local.planning.programs import Program, plan_program

_SPEC: KeyPath = ("spec", "template", "spec")
_CONTAINER: KeyPath = (*_SPEC, "containers", 0)
_DEFAULT_SECONDS = 300
_LONGEST_SECONDS = 600  # Knative's max-revision-timeout-seconds
_MOST_CONCURRENT = 1000


@dataclass(frozen=True)
class ServicePlan:
    """A Deployment's plan too. `public`: people reach it; of the limits and timeouts 0 means none.

    Without an instance a request waits up to `held_seconds`; without `readiness` a process that runs is ready.
    """

    namespace: str
    name: str
    public: bool
    program: Program
    scaling: Scaling
    concurrency: int
    timeout_seconds: int
    response_start_seconds: int
    idle_seconds: int
    held_seconds: float
    grace_seconds: float
    startup: ProbePlan | None
    readiness: ProbePlan | None
    liveness: ProbePlan | None
    told: tuple[tuple[str, str], ...] = ()  # variables of the platform, beside PORT

    @property
    def key(self) -> Key:
        return self.namespace, self.name


def plan_service(sources: Sources, loaded: Loaded[Service]) -> ServicePlan:
    document, spec = loaded.document, loaded.body.spec.template.spec
    container = only_container(document, spec.containers, _SPEC)
    port = _port(document, container)
    _check_limits(document, spec)
    scaling = scaling_of(document, loaded.body, sources.profile.autoscaler)
    seconds = spec.timeout_seconds or _DEFAULT_SECONDS
    return ServicePlan(
        namespace=loaded.namespace,
        name=loaded.name,
        public=_is_public(loaded),
        program=plan_program(sources, loaded, container, _CONTAINER, port),
        scaling=scaling,
        concurrency=spec.container_concurrency,
        timeout_seconds=seconds,
        response_start_seconds=spec.response_start_timeout_seconds,
        idle_seconds=spec.idle_timeout_seconds,
        held_seconds=min(scaling.progress_deadline, seconds),
        grace_seconds=float(seconds),
        startup=plan_probe(document, container.startup_probe, (*_CONTAINER, "startupProbe"), port),
        readiness=plan_probe(document, container.readiness_probe, (*_CONTAINER, "readinessProbe"), port)
        or ProbePlan(),
        liveness=plan_probe(document, container.liveness_probe, (*_CONTAINER, "livenessProbe"), port),
        told=told_by_knative(loaded.name),
    )


def told_by_knative(service: str) -> tuple[tuple[str, str], ...]:
    """The variables of every process of a Knative Service, beside PORT."""
    return ("K_SERVICE", service), ("K_CONFIGURATION", service), ("K_REVISION", f"{service}-00001")


def only_container(document: Document, containers: tuple[Container, ...], at: KeyPath) -> Container:
    if len(containers) != 1:
        raise document.error((*at, "containers"), f"one container runs here, not {len(containers)}")
    return containers[0]


def _is_public(loaded: Loaded[Service]) -> bool:
    visibility = loaded.body.metadata.labels.visibility
    if visibility not in {None, "cluster-local"}:
        at = ("metadata", "labels", "networking.knative.dev/visibility")
        raise loaded.document.error(at, f"'{visibility}' is not cluster-local")
    return visibility is None


def _port(document: Document, container: Container) -> Port:
    at = (*_CONTAINER, "ports")
    if len(container.ports) > 1:
        raise document.error(at, "a Knative Service has one port")
    port = container.ports[0] if container.ports else Port()
    if port.name not in {None, "", "http1"}:
        raise document.error((*at, 0, "name"), f"'{port.name}' is not spoken here, only http1")
    return port


def _check_limits(document: Document, spec: RevisionSpec) -> None:
    for name, value, most in (
        ("containerConcurrency", spec.container_concurrency, _MOST_CONCURRENT),
        ("timeoutSeconds", spec.timeout_seconds, _LONGEST_SECONDS),
        ("responseStartTimeoutSeconds", spec.response_start_timeout_seconds, spec.timeout_seconds),
        ("idleTimeoutSeconds", spec.idle_timeout_seconds, spec.timeout_seconds),
    ):
        if not 0 <= value <= most:
            raise document.error((*_SPEC, name), f"{value} is not between 0 and {most}")
