"""Every object against the schema of its kind, unknown fields refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from helm.gates import core, strict
from helm.gates.lift import lifted
from helm.gates.objects import Object, is_knative_service

from .gated import environments, passes
from .objects import WOKEN_FROM_ZERO, container, one

pytestmark = pytest.mark.xdist_group("gates")


def test_should_hold_only_what_kubernetes_accepts_from_its_oldest_to_its_newest_version() -> None:
    assert passes(core.check(environments()))
    oldest, newest = core.supported()
    assert oldest == "1.34"  # what Knative 1.23 asks for at its start
    assert tuple(map(int, newest.split(".")[:2])) > (1, 34)


def test_should_hold_only_fields_of_knative_that_we_know() -> None:
    assert passes(strict.check(environments()))


def test_should_look_at_the_pods_of_knative_services_as_kubernetes_does() -> None:
    service = one("Service", "task-api")
    assert core.knows(service)
    container(service)["resources"]["limit"] = {}
    assert len(core.faults_of(service)) == 2  # once per version


def test_should_lift_the_pod_as_it_is() -> None:
    service = one("Service", "task-api")
    before = copy.deepcopy(service)
    deployment = lifted(service)
    assert service == before
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    assert "containerConcurrency" not in deployment["spec"]["template"]["spec"]
    assert container(deployment)["env"] == container(service)["env"]
    assert container(deployment)["livenessProbe"]["httpGet"] == {"path": "/livez", "port": 8080}
    job = one("Job", "task-api-migrate")
    assert lifted(job) is job


@pytest.mark.parametrize(
    ("each", "known"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, True),
        ({"apiVersion": "apps/v2", "kind": "Deployment"}, False),
        ({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}, True),
        ({"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger"}, False),
    ],
    ids=lambda value: value["apiVersion"] if isinstance(value, dict) else "",
)
def test_should_tell_kubernetes_own_kinds_from_others(each: Object, known: bool) -> None:
    assert core.knows(each) is known


# What CRDs let through: the CRDs of Knative are blind in these places, or Knative's webhooks refuse it later.
MUTATIONS: list[tuple[str, str, str, object]] = [
    ("Service", "analytics", "spec.traffic", [{"latestRevision": True, "percent": 100}]),
    ("Service", "analytics", "spec.template.metadata.name", "analytics-00001"),
    ("Service", "analytics", "spec.template.spec.serviceAcountName", "x"),
    ("Service", "analytics", "spec.template.spec.automountServiceAccountToken", True),
    ("Service", "analytics", "spec.template.spec.containerConcurrency", 1001),
    ("Service", "analytics", "spec.template.spec.timeoutSeconds", 601),
    ("Service", "analytics", "spec.template.spec.terminationGracePeriodSeconds", 30),
    ("Service", "analytics", "spec.template.spec.containers.0.readinessProbe.periodSeconds", 1),
    ("Service", "analytics", "spec.template.spec.containers.0.readinessProbe.failureThreshold", 3),
    ("Service", "analytics", "spec.template.spec.containers.0.lifecycle", {}),
    ("Service", "analytics", "spec.template.spec.containers.0.securityContext.capabilities.add", ["KILL"]),
    ("Service", "analytics", "spec.template.spec.containers.0.securityContext.capabilities.drop", ["all"]),
    ("Service", "analytics", "spec.template.metadata.annotations.autoscaling~knative~dev/minScale", "0"),
    ("Service", "analytics", "spec.template.metadata.annotations.autoscaling~knative~dev/min-scale", 0),
    ("Broker", "tasks", "metadata.annotations.eventing~knative~dev/broker~class", "kafka"),
    ("Broker", "tasks", "metadata.annotations.kafka~eventing~knative~dev/external-topic", "tasks.events"),
    ("Broker", "tasks", "spec.config.namespace", None),
    ("Trigger", "analytics", "spec.delivery.retries", 10),
    ("Trigger", "analytics", "spec.delivery.timeout", "70s"),
    ("Trigger", "analytics", "spec.delivery.deadLetterSink", None),
    ("Trigger", "analytics", "spec.delivery.deadLetterSink", {}),
    ("Trigger", "analytics", "spec.filters", []),
    ("Trigger", "analytics", "spec.filters.0.exact", {"type": "task.created"}),
    ("Trigger", "analytics", "spec.filters.0.prefixes", {"type": "task."}),
    ("KafkaSink", "dead-letter", "spec.contentMode", "BINARY"),
    ("KafkaSink", "dead-letter", "spec.auth.secret.ref", {"secretName": "x"}),
    ("PingSource", "task-api", "spec.schedule", "*/10 * * *"),
    ("PingSource", "task-api", "spec.sink.url", "/relay"),
]


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"), MUTATIONS, ids=[f"{each[2]}={each[3]}" for each in MUTATIONS]
)
def test_should_notice_a_fault_in_a_knative_object(kind: str, name: str, path: str, value: object) -> None:
    document = copy.deepcopy(one(kind, name, WOKEN_FROM_ZERO))
    *parents, last = (part.replace("~", ".") for part in path.split("."))
    place: Any = document
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    assert strict.faults_of(document)


def test_should_see_only_knatives_kinds_as_strictly_known() -> None:
    seen = [each for one in environments() for each in one.objects if strict.concerns(each)]
    assert any(is_knative_service(each) for each in seen)
    assert {"Broker", "Trigger", "KafkaSink", "PingSource", "DomainMapping"} <= {
        each["kind"] for each in seen
    }
