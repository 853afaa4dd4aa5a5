"""A Deployment as it will run: always the same number of processes."""

from __future__ import annotations

from knative_local.autoscaler.settings import Scaling
from knative_local.manifests.document import KeyPath
from knative_local.manifests.pod import Container, Port
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.manifests.workloads import Deployment, HorizontalPodAutoscaler
from knative_local.planning.environment import Sources
from knative_local.planning.probes import ProbePlan, plan_probe
from knative_local.planning.programs import plan_program
from knative_local.planning.routes import first_port
from knative_local.planning.services import ServicePlan, only_container

_SPEC: KeyPath = ("spec", "template", "spec")
_CONTAINER: KeyPath = (*_SPEC, "containers", 0)


def plan_deployment(sources: Sources, loaded: Loaded[Deployment], *, public: bool) -> ServicePlan:
    """Its process is told its port as PORT, as Knative does; an argument that is the port becomes it too."""
    document, spec = loaded.document, loaded.body.spec
    container = only_container(document, spec.template.spec.containers, _SPEC)
    _check_selector(loaded)
    _check_port(loaded, container)
    number, port = _replicas(sources.manifests, loaded), first_port(loaded)
    asked = port or Port()
    return ServicePlan(
        namespace=loaded.namespace,
        name=loaded.name,
        public=public,
        program=plan_program(sources, loaded, container, _CONTAINER, port),
        scaling=Scaling.fixed(number, progress_deadline=float(spec.progress_deadline_seconds)),
        concurrency=0,
        timeout_seconds=0,
        response_start_seconds=0,
        idle_seconds=0,
        held_seconds=0.0,
        grace_seconds=float(spec.template.spec.termination_grace_period_seconds),
        startup=plan_probe(document, container.startup_probe, (*_CONTAINER, "startupProbe"), asked),
        readiness=plan_probe(document, container.readiness_probe, (*_CONTAINER, "readinessProbe"), asked)
        or (ProbePlan() if port else None),
        liveness=plan_probe(document, container.liveness_probe, (*_CONTAINER, "livenessProbe"), asked),
    )


def _replicas(manifests: Manifests, loaded: Loaded[Deployment]) -> int:
    """Its autoscaler's minimum, if it has one: what that finds enough for no load. 0 would switch it off."""
    number = loaded.body.spec.replicas
    if number < 1:
        raise loaded.document.error(
            ("spec", "replicas"), f"{number} would run nothing: leave the Deployment out instead"
        )
    for scaler in manifests.of(HorizontalPodAutoscaler):
        target = scaler.body.spec.scale_target_ref.name
        if (scaler.namespace, target) == (loaded.namespace, loaded.name):
            return scaler.body.spec.min_replicas
    return number


def _check_selector(loaded: Loaded[Deployment]) -> None:
    spec = loaded.body.spec
    selector = spec.selector.match_labels
    if not selector or not selector.items() <= spec.template.metadata.labels.items():
        raise loaded.document.error(
            ("spec", "selector", "matchLabels"), "are not among the labels of spec.template.metadata"
        )


def _check_port(loaded: Loaded[Deployment], container: Container) -> None:
    """PORT is replaced by the port of this machine, so it may not mean something else."""
    port = first_port(loaded)
    for index, variable in enumerate(container.env):
        if variable.name == "PORT" and (port is None or variable.value != str(port.number)):
            at = (*_CONTAINER, "env", index, "value")
            raise loaded.document.error(at, "PORT is not the first of the container's ports")
