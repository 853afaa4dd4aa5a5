"""Every rendered object against the schema of its kind, unknown fields refused."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from .objects import VARIANTS, WOKEN_FROM_ZERO, Object, container, knative_services, one, rendered

KUBERNETES = "1.34"  # the oldest that Knative 1.23 accepts
CORE = {"Job", "ServiceAccount", "ConfigMap"}


@cache
def knative() -> jsonschema.Draft7Validator:
    schema = yaml.safe_load(Path(__file__).with_name("knative.schema.yaml").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def faults(document: Object) -> list[str]:
    """What the best matching kind finds wrong."""
    error = jsonschema.exceptions.best_match(knative().iter_errors(document))
    return [error.message] if error else []


def as_deployment(service: Object) -> Object:
    """The pod of a Knative Service where Kubernetes' own schema, and scanners, can see it."""
    pod = copy.deepcopy(service["spec"]["template"])
    del pod["spec"]["containerConcurrency"], pod["spec"]["timeoutSeconds"]
    for probe in ("readinessProbe", "startupProbe", "livenessProbe"):
        container(service | {"spec": {"template": pod}})[probe]["httpGet"]["port"] = 8080  # Knative sets it
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": service["metadata"],
        "spec": {"selector": {"matchLabels": pod["metadata"]["labels"]}, "template": pod},
    }


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_should_render_core_objects_kubernetes_accepts(values: dict[str, Any]) -> None:
    core = [each for each in rendered(values).values() if each["kind"] in CORE]
    assert {each["kind"] for each in core} >= {"Job", "ServiceAccount"}
    for each in core:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_should_render_pods_kubernetes_accepts(values: dict[str, Any]) -> None:
    for each in knative_services(values):
        kubernetes_validate.validate(as_deployment(each), KUBERNETES, strict=True)


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_should_render_knative_objects_with_known_fields_only(values: dict[str, Any]) -> None:
    for path, each in rendered(values).items():
        if each["kind"] not in CORE:
            assert faults(each) == [], path


def test_should_leave_no_kind_unchecked() -> None:
    kinds = {each["kind"] for values in VARIANTS.values() for each in rendered(values).values()}
    assert kinds - CORE == {"Service", "Broker", "Trigger", "KafkaSink", "PingSource"}


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
    assert faults(document)


def test_should_notice_a_fault_in_a_pod() -> None:
    deployment = as_deployment(one("Service", "task-api"))
    container(deployment)["resources"]["limit"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)
