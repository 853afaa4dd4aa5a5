"""What the chart renders, as data."""

from __future__ import annotations

import copy
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
ON_CPU: dict[str, Any] = {"taskApi": {"autoscaling": {"class": "hpa"}}}
# Every template renders something with one of these.
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "without Kafka": WITHOUT_KAFKA,
    "dead letters to a URL": {**WITHOUT_KAFKA, "deadLetter": {"uri": "https://dead.example/letters"}},
    "API at zero": WOKEN_FROM_ZERO,
    "API scaled on CPU": ON_CPU,
    "everything optional": {
        "issuer": {"enabled": True},
        "dashboard": {"enabled": True},
        "image": {"pullSecrets": ["registry"]},
        "taskApi": {"publicUrl": "https://api.example"},
        "kafka": {"authSecretName": "", "bootstrapServers": "a:9092,b:9092"},
    },
}

# What stands around the application: the way in, who may talk to whom, who watches.
AROUND: dict[str, dict[str, Any]] = {
    "edge": {
        "edge": {
            "enabled": True,
            "apiHost": "api.example",
            "appHost": "app.example",
            "domainClaim": True,
            "rateLimit": {"enabled": True},
            "tls": {
                "createIssuers": True,
                "email": "ops@example.org",
                "acme": {"server": "https://acme.example/directory", "caBundle": "Q0E="},
            },
        },
        "dashboard": {"enabled": True},
        "monitoring": {"prometheusRule": {"enabled": True}},  # certificates are watched where there are some
    },
    "edge with the cluster's issuers": {
        "edge": {"enabled": True, "apiHost": "api.example", "tls": {"email": "ops@example.org"}},
    },
    "monitoring": {
        "monitoring": {
            "podMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "otlpEndpoint": "http://collector.monitoring.svc.cluster.local:4318",
        },
        "networkPolicy": {"otlp": {"namespace": "monitoring", "podSelector": "app=collector"}},
        "resourceQuota": {"enabled": True},
    },
    "neighbours in the cluster": {
        "oidc": {"issuer": "https://login.example"},
        "networkPolicy": {
            "database": {"namespace": "postgres", "podSelector": "app=postgres"},
            "issuer": {"namespace": "login", "podSelector": "app=login"},
        },
    },
    "neighbours outside": {
        "oidc": {"issuer": "https://login.example"},
        "networkPolicy": {
            "database": {"cidrs": "10.0.0.0/24"},
            "otlp": {"cidrs": "10.0.1.0/24"},
        },
        "monitoring": {"otlpEndpoint": "https://collector.example"},
    },
}
EVERYTHING = VARIANTS | AROUND


def merged(*values: dict[str, Any]) -> dict[str, Any]:
    """Each over what came before, as Helm merges values."""
    result: dict[str, Any] = {}
    for each in copy.deepcopy(values):
        for key, value in each.items():
            result[key] = merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


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


def pod_of(workload: Object) -> Object:
    spec = workload["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


def container(workload: Object) -> Object:
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def environment(workload: Object) -> dict[str, Object]:
    return {variable["name"]: variable for variable in container(workload)["env"]}
