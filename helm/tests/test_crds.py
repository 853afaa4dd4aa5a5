"""Custom objects against the CRDs of the released components."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from helm.gates import crds
from helm.gates.finding import GateError
from helm.gates.structural import json_schema

from .gated import environments, missing, passes
from .objects import one

pytestmark = [pytest.mark.xdist_group("gates"), pytest.mark.timeout(400)]  # the first time, it downloads


def test_should_hold_only_custom_objects_their_released_crds_accept() -> None:
    assert passes(crds.check(environments()))


def test_should_have_a_crd_for_every_custom_kind_of_every_environment() -> None:
    objects = [each for one in environments() for each in one.objects if crds.is_custom(each)]
    groups = {str(each["apiVersion"]).partition("/")[0] for each in objects}
    assert groups <= crds.GROUPS.keys()
    assert {"serving.knative.dev", "eventing.knative.dev", "kafka.strimzi.io", "cert-manager.io"} <= groups


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        ("Service", "task-api", "templates"),
        ("Broker", "tasks", "deliveries"),
        ("KafkaSink", "dead-letter", "topics"),
    ],
)
def test_should_refuse_a_field_the_crd_does_not_know(kind: str, name: str, key: str) -> None:
    each = one(kind, name)
    each["spec"][key] = {}
    try:
        faults = crds.faults_of(each)
    except GateError as error:
        missing(str(error))
    assert any(f"'{key}' was unexpected" in fault for fault in faults)


def test_should_refuse_a_kind_nobody_defines() -> None:
    assert crds.faults_of({"apiVersion": "apps/v2", "kind": "Deployment"}) == [
        "no Kubernetes and no component of versions.toml knows apps/v2 Deployment"
    ]


# --- the conversion ------------------------------------------------------------------------------------------

SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "port": {"x-kubernetes-int-or-string": True},
        "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        "none": {"type": "string", "nullable": True},
        "closed": {"type": "object", "properties": {"name": {"type": "string"}}},
        "empty": {"type": "object"},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
    },
    "oneOf": [{"required": ["port"]}, {"required": ["map"]}],
}


def faults(spec: dict[str, Any]) -> list[str]:
    structural = {"type": "object", "properties": {"spec": SPEC, "status": {"type": "object"}}}
    schema = json_schema("example/v1", "Thing", structural)
    thing = {"apiVersion": "example/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(thing)]


@pytest.mark.parametrize(
    "spec",
    [
        {"port": 1},
        {"port": "http"},
        {"port": 1, "open": {"whatever": 1}},
        {"map": {"a": 1}},
        {"port": 1, "none": None},
        {"port": 1, "closed": {"name": "a"}, "list": [{"a": "b"}]},
    ],
    ids=str,
)
def test_should_take_what_the_api_server_takes(spec: dict[str, Any]) -> None:
    assert faults(spec) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"port": 1.5},
        {"port": 1, "map": {"a": 1}},
        {"map": {"a": "b"}},
        {"port": 1, "none": 1},
        {"port": 1, "closed": {"nmae": "a"}},
        {"port": 1, "empty": {"a": 1}},
        {"port": 1, "list": [{"b": "c"}]},
        {"port": 1, "unknown": 1},
    ],
    ids=str,
)
def test_should_refuse_what_the_api_server_refuses_or_drops(spec: dict[str, Any]) -> None:
    assert faults(spec)
