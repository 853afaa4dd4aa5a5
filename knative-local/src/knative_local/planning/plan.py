"""Everything that will run, checked before anything does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.contract import Contract
from knative_local.errors import UsageError
from knative_local.manifests.core import Job
from knative_local.manifests.eventing import Broker, KafkaSink
from knative_local.manifests.inspection import Ineffective, nearest
from knative_local.manifests.reading import Manifests
from knative_local.manifests.serving import Service
from knative_local.planning.addresses import Addresses, Key
from knative_local.planning.environment import Sources
from knative_local.planning.eventing import plan_contract, without_effect
from knative_local.planning.jobs import JobPlan, plan_job
from knative_local.planning.services import ServicePlan, plan_service
from knative_local.ports import LOOPBACK
from knative_local.profile import Profile


@dataclass(frozen=True)
class Plan:
    services: list[ServicePlan]
    jobs: list[JobPlan]
    contract: Contract
    ineffective: list[Ineffective]


@dataclass(frozen=True)
class Ports:
    """Which port everything that others call listens on."""

    services: Mapping[Key, int]
    broker: int
    status: int
    companions: Mapping[str, int]


def make_plan(manifests: Manifests, profile: Profile, ports: Ports) -> Plan:
    """Raise `ManifestError` for the first thing that cannot be done."""
    sources = Sources(manifests, profile, _addresses(manifests, profile, ports))
    plan = Plan(
        services=[plan_service(sources, loaded) for loaded in manifests.of(Service)],
        jobs=[plan_job(sources, loaded) for loaded in manifests.of(Job)],
        contract=plan_contract(manifests, sources.addresses),
        ineffective=manifests.ineffective + without_effect(manifests),
    )
    _refuse_equal_names(manifests)
    _refuse_unknown_names(plan, profile)
    return plan


def local(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _addresses(manifests: Manifests, profile: Profile, ports: Ports) -> Addresses:
    return Addresses(
        services={key: local(port) for key, port in ports.services.items()},
        broker_process=local(ports.broker),
        brokers=frozenset((loaded.namespace, loaded.name) for loaded in manifests.of(Broker)),
        sinks=frozenset((loaded.namespace, loaded.name) for loaded in manifests.of(KafkaSink)),
        companions={
            companion.stands_for: local(ports.companions[name])
            for name, companion in profile.companions.items()
        },
    )


def _refuse_equal_names(manifests: Manifests) -> None:
    """Log files and process ids are kept by name, without the namespace."""
    for kind in (Service, Job):
        names = [loaded.name for loaded in manifests.of(kind)]
        for index, loaded in enumerate(manifests.of(kind)):
            if loaded.name in names[:index]:
                reason = f"there is a {loaded.document.value['kind']} '{loaded.name}' in another namespace"
                raise loaded.document.error(("metadata", "name"), reason)


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
