"""Kubernetes objects as data, and the parts of them every gate asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job"}


def title(each: Object) -> str:
    return f"{each.get('kind')}/{each.get('metadata', {}).get('name')}"


def canonical(each: Object) -> str:
    """The same text for the same object, whatever the order of its keys."""
    return json.dumps(each, sort_keys=True)


def is_knative_service(each: Object) -> bool:
    return each.get("kind") == "Service" and str(each.get("apiVersion")).startswith("serving.knative.dev/")


def has_pods(each: Object) -> bool:
    return is_knative_service(each) or each.get("kind") in WORKLOADS


def name_of(each: Object) -> str:
    return str(each["metadata"]["name"])


def labels_of(each: Object) -> Object:
    return each.get("metadata", {}).get("labels") or {}


def annotations_of(each: Object) -> Object:
    return each.get("metadata", {}).get("annotations") or {}


def template(workload: Object) -> Object:
    found = workload["spec"]["template"]
    assert isinstance(found, dict)
    return found


def pod(workload: Object) -> Object:
    found = template(workload)["spec"]
    assert isinstance(found, dict)
    return found


def containers(workload: Object) -> list[Object]:
    return [*pod(workload).get("initContainers", []), *pod(workload).get("containers", [])]


def environment(container: Object) -> dict[str, Object]:
    return {variable["name"]: variable for variable in container.get("env", [])}


def selects(selector: Object, wanted: Object) -> bool:
    """Whether a label selector takes a pod with these labels."""
    exact: bool = (selector.get("matchLabels") or {}).items() <= wanted.items()
    return exact and all(_holds(each, wanted) for each in selector.get("matchExpressions") or [])


def _holds(expression: Object, wanted: Object) -> bool:
    value, operator = wanted.get(expression["key"]), expression["operator"]
    if operator in {"Exists", "DoesNotExist"}:
        return (value is not None) is (operator == "Exists")
    return (value in expression["values"]) is (operator == "In")


class Objects:
    """The objects of one environment, found by kind and name."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self._all = list(objects)

    def __iter__(self) -> Iterator[Object]:
        return iter(self._all)

    def of(self, *kinds: str) -> list[Object]:
        """Those of these kinds; a Knative Service is of kind `ksvc`, to tell it from a Kubernetes Service."""
        return [each for each in self._all if _kind(each) in kinds]

    def find(self, kind: str, name: str) -> Object | None:
        return next((each for each in self.of(kind) if name_of(each) == name), None)

    def workloads(self) -> list[Object]:
        return [each for each in self._all if has_pods(each)]


def _kind(each: Object) -> str:
    return "ksvc" if is_knative_service(each) else str(each.get("kind"))
