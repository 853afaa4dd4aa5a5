"""Everything that will run, checked before anything does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knative_local.autoscaler.annotations import unmeasured
from knative_local.contract import Contract
from knative_local.errors import UsageError
from knative_local.manifests import workloads
from knative_local.manifests.core import Job
from knative_local.manifests.eventing import Broker, KafkaSink
from knative_local.manifests.inspection import Ineffective, nearest
from knative_local.manifests.reading import Loaded, Manifests
from knative_local.manifests.serving import Service
from knative_local.manifests.workloads import Deployment
from knative_local.planning.addresses import HTTP_PORT, Addresses, Key
from knative_local.planning.companions import needed, replaced
from knative_local.planning.deployments import plan_deployment
from knative_local.planning.environment import Sources
from knative_local.planning.eventing import plan_contract, without_effect
from knative_local.planning.jobs import JobPlan, plan_job
from knative_local.planning.references import check_references
from knative_local.planning.routes import Route, routes
from knative_local.planning.services import ServicePlan, plan_service
from knative_local.ports import LOOPBACK
from knative_local.profile import Companion, Profile


@dataclass(frozen=True)
class Plan:
    """`names` are those in system.json of services that run instead of a companion."""

    services: list[ServicePlan]
    jobs: list[JobPlan]
    companions: Mapping[str, Companion]
    names: Mapping[Key, str]
    contract: Contract
    ineffective: list[Ineffective]


@dataclass(frozen=True)
class Ports:
    """Which port everything that others call listens on; `services` are Knative's and Deployments."""

    services: Mapping[Key, int]
    broker: int
    status: int
    companions: Mapping[str, int]


def make_plan(manifests: Manifests, profile: Profile, ports: Ports) -> Plan:
    """Raise `ManifestError` for the first thing that cannot be done."""
    _refuse_equal_names(manifests)
    check_references(manifests)
    found = routes(manifests)
    companions = needed(profile, manifests)
    sources = Sources(manifests, profile, _addresses(manifests, companions, found, ports))
    plan = Plan(
        services=[
            *(plan_service(sources, loaded) for loaded in manifests.of(Service)),
            *_deployments(sources, found),
        ],
        jobs=[plan_job(sources, loaded) for loaded in manifests.of(Job)],
        companions=companions,
        names=replaced(profile, manifests),
        contract=plan_contract(manifests, sources.addresses),
        ineffective=[
            *manifests.ineffective,
            *without_effect(manifests),
            *(row for loaded in manifests.of(Service) for row in unmeasured(loaded)),
            *(row for route in found for row in route.ineffective),
        ],
    )
    _refuse_unknown_names(plan, profile)
    return plan


def local(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _deployments(sources: Sources, found: list[Route]) -> Iterator[ServicePlan]:
    reached = {(route.deployment.namespace, route.deployment.name) for route in found if route.ports}
    for loaded in sources.manifests.of(Deployment):
        yield plan_deployment(sources, loaded, public=(loaded.namespace, loaded.name) in reached)


def _addresses(
    manifests: Manifests, companions: Mapping[str, Companion], found: list[Route], ports: Ports
) -> Addresses:
    knative = [(loaded.namespace, loaded.name) for loaded in manifests.of(Service)]
    return Addresses(
        services={key: {HTTP_PORT: local(ports.services[key])} for key in knative}
        | {
            (route.service.namespace, route.service.name): dict.fromkeys(
                route.ports, local(ports.services[route.deployment.namespace, route.deployment.name])
            )
            for route in found
            if route.ports
        },
        broker_process=local(ports.broker),
        brokers=frozenset((loaded.namespace, loaded.name) for loaded in manifests.of(Broker)),
        sinks=frozenset((loaded.namespace, loaded.name) for loaded in manifests.of(KafkaSink)),
        companions={
            companion.stands_for: local(ports.companions[name]) for name, companion in companions.items()
        },
    )


def _refuse_equal_names(manifests: Manifests) -> None:
    """Log files and process ids are kept by name, without the namespace and the kind."""
    seen: dict[str, str] = {}
    for loaded in (found for kind in (Service, Deployment) for found in manifests.of(kind)):
        _refuse_equal(loaded, seen)
    seen = {}
    for job in manifests.of(Job):
        _refuse_equal(job, seen)
    for core in manifests.of(workloads.Service):
        if manifests.find(Service, core.namespace, core.name) is not None:
            reason = f"Knative makes a Service '{core.name}' itself, for its own Service of that name"
            raise core.document.error(("metadata", "name"), reason)


def _refuse_equal(loaded: Loaded[Any], seen: dict[str, str]) -> None:
    kind = loaded.document.value["kind"]
    if loaded.name in seen:
        where = "in another namespace" if seen[loaded.name] == kind else "too: their log would be one"
        raise loaded.document.error(
            ("metadata", "name"), f"there is a {seen[loaded.name]} '{loaded.name}' {where}"
        )
    seen[loaded.name] = kind


def _refuse_unknown_names(plan: Plan, profile: Profile) -> None:
    """A table of the profile for a Service that does not exist is a misspelled name."""
    services = [service.name for service in plan.services]
    programs = [*services, *(job.program.name for job in plan.jobs)]
    for table, names, known in (
        ("environment", profile.environment, programs),
        ("reload", profile.reload, services),
    ):
        for name in names:
            if name not in known:
                raise UsageError(
                    f"[{table}.{name}]: there is no '{name}' in the manifests{nearest(name, known)}"
                )
