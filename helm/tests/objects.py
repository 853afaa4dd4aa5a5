"""What the chart renders, as data."""

from __future__ import annotations

from typing import Any

import yaml

from helm.render import render

Object = dict[str, Any]

# The smallest set of values that leaves Kafka behind.
WITHOUT_KAFKA: dict[str, Any] = {
    "broker": {"class": "MTChannelBasedBroker"},
    "deadLetter": {"service": "recorder"},
    "taskApi": {"relayTimeoutSeconds": 60},
}
WOKEN_FROM_ZERO: dict[str, Any] = {"taskApi": {"autoscaling": {"minScale": 0}}}
# Every template renders something with one of these.
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "without Kafka": WITHOUT_KAFKA,
    "dead letters to a URL": {**WITHOUT_KAFKA, "deadLetter": {"uri": "https://dead.example/letters"}},
    "API at zero": WOKEN_FROM_ZERO,
    "everything optional": {
        "image": {"pullSecrets": ["registry"]},
        "taskApi": {"publicUrl": "https://api.example"},
        "kafka": {"authSecretName": "", "bootstrapServers": "a:9092,b:9092"},
    },
}


def rendered(values: dict[str, Any] | None = None) -> dict[str, Object]:
    """Path -> the one object in that file."""
    return {path: yaml.safe_load(text) for path, text in render(values).items()}


def of_kind(kind: str, values: dict[str, Any] | None = None) -> list[Object]:
    return [each for each in rendered(values).values() if each["kind"] == kind]


def one(kind: str, name: str, values: dict[str, Any] | None = None) -> Object:
    (found,) = (each for each in of_kind(kind, values) if each["metadata"]["name"] == name)
    return found


def knative_services(values: dict[str, Any] | None = None) -> list[Object]:
    return [each for each in of_kind("Service", values) if each["apiVersion"] == "serving.knative.dev/v1"]


def container(workload: Object) -> Object:
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def environment(workload: Object) -> dict[str, Object]:
    return {variable["name"]: variable for variable in container(workload)["env"]}
