"""Every pod we bring, whatever runs it: restricted, bounded, from a known image, without a secret in plain text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from helm.gates.objects import (
    Object,
    Objects,
    containers,
    is_knative_service,
    labels_of,
    pod,
    selects,
    template,
)

Faults = Iterator[tuple[Object | str, str]]

DEMANDED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
OF_THE_NODE = ("hostNetwork", "hostPID", "hostIPC")
VOLUMES = {"emptyDir", "configMap", "secret", "projected", "downwardAPI"}
IMAGE = re.compile(
    r"^[a-z0-9-]+([.][a-z0-9-]+|:[0-9]+)[a-z0-9.:-]*/.+(:[A-Za-z0-9_][\w.-]*|@sha256:[0-9a-f]{64})$"
)
# A variable that holds one, by its name or by its value.
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN$|_KEY$|DATABASE_.*URL$")
SECRET_VALUE = re.compile(r"://[^/@\s]+:[^/@\s]+@|-----BEGIN|^eyJ")
SCALE = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
}


def restricted(objects: Objects) -> Faults:
    for each in objects.workloads():
        for container in containers(each):
            security = container.get("securityContext") or {}
            for key, wanted in DEMANDED.items():
                if security.get(key) != wanted:
                    yield each, f"{container['name']}: securityContext.{key} is not {wanted}."
            if security.get("privileged"):
                yield each, f"{container['name']} is privileged."
            if security.get("runAsUser", 0) <= 10_000:
                yield each, f"{container['name']}: runAsUser is not above 10000."


def nothing_of_the_node(objects: Objects) -> Faults:
    for each in objects.workloads():
        for key in OF_THE_NODE:
            if pod(each).get(key):
                yield each, f"it uses the node's: {key}."
        for volume in pod(each).get("volumes", []):
            if not VOLUMES & volume.keys():
                yield each, f"volume {volume['name']} is none of {', '.join(sorted(VOLUMES))}."
        for container in containers(each):
            if any("hostPort" in port for port in container.get("ports") or []):
                yield each, f"{container['name']} opens a port of the node."


def bounded(objects: Objects) -> Faults:
    for each in objects.workloads():
        for container in containers(each):
            resources = container.get("resources") or {}
            for of in ("cpu", "memory"):
                request, limit = (resources.get(kind, {}).get(of) for kind in ("requests", "limits"))
                if request is None or limit is None:
                    yield each, f"{container['name']}: {of} has no request or no limit."
                elif _quantity(request) > _quantity(limit):
                    yield each, f"{container['name']}: {of}: the request is above the limit."


def from_a_registry_at_a_fixed_tag(objects: Objects) -> Faults:
    for each in objects.workloads():
        for container in containers(each):
            image = container.get("image", "")
            if not IMAGE.match(image):
                yield each, f"{container['name']}: {image} names no registry, or neither tag nor digest."
            elif image.endswith(":latest"):
                yield each, f"{container['name']}: {image} moves."


def probed(objects: Objects) -> Faults:
    """A container without a port has nobody to answer; a Job ends by itself."""
    for each in [*objects.of("ksvc"), *objects.of("Deployment", "StatefulSet")]:
        for container in pod(each)["containers"]:
            for probe in ("readinessProbe", "livenessProbe"):
                if container.get("ports") and not container.get(probe):
                    yield each, f"{container['name']} has no {probe}."


def probes_ask_a_port_that_is_there(objects: Objects) -> Faults:
    for each in objects.of("Deployment", "StatefulSet"):
        for container in pod(each)["containers"]:
            ports = {
                value
                for port in container.get("ports") or []
                for value in (port.get("name"), port["containerPort"])
            }
            for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
                asked = (container.get(probe) or {}).get("httpGet", {}).get("port")
                if asked is not None and asked not in ports:
                    yield each, f"{container['name']}: {probe} asks port {asked}, which it does not open."


def every_variable_once(objects: Objects) -> Faults:
    for each in objects.workloads():
        for container in containers(each):
            names = Counter(variable["name"] for variable in container.get("env") or [])
            for name, times in names.items():
                if times > 1:
                    yield each, f"{container['name']}: {name} is set {times} times; the last one wins."


def secrets_by_reference(objects: Objects) -> Faults:
    for each in objects.workloads():
        for container in containers(each):
            for variable in container.get("env") or []:
                value = str(variable.get("value", ""))
                named = SECRET_NAME.search(variable["name"]) and value
                if named or SECRET_VALUE.search(value):
                    yield each, f"{container['name']}: {variable['name']} holds a secret in plain text."
    for secret in objects.of("Secret"):
        yield secret, "a Secret is made outside the chart, and never rendered."


def labelled(objects: Objects) -> Faults:
    """What NetworkPolicies, budgets and people select by."""
    for each in objects.workloads():
        wanted = labels_of(template(each))
        if not wanted.get("app.kubernetes.io/name") or not wanted.get("app.kubernetes.io/part-of"):
            yield each, "its pods lack app.kubernetes.io/name or app.kubernetes.io/part-of."
        selector = each["spec"].get("selector")
        if not is_knative_service(each) and selector is not None and not selects(selector, wanted):
            yield each, "its selector does not take its own pods."


def services_lead_to_a_port(objects: Objects) -> Faults:
    for service in objects.of("Service"):
        if service["spec"].get("type") == "ExternalName":
            continue
        selector = {"matchLabels": service["spec"].get("selector") or {}}
        behind = [each for each in objects.workloads() if selects(selector, labels_of(template(each)))]
        if not selector["matchLabels"] or not behind:
            yield service, "it selects no pod of this environment."
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            if behind and target not in _ports(behind):
                yield service, f"port {port['port']} leads to {target}, which no container opens."


def _ports(workloads: list[Object]) -> set[object]:
    return {
        value
        for each in workloads
        for container in containers(each)
        for port in container.get("ports") or []
        for value in (port.get("name"), port["containerPort"])
    }


def _quantity(text: object) -> Decimal:
    found = re.fullmatch(r"([0-9.]+)(m|Ki|Mi|Gi|)", str(text))
    return Decimal(found[1]) * SCALE[found[2]] if found else Decimal(0)


INVARIANTS = (
    restricted,
    nothing_of_the_node,
    bounded,
    from_a_registry_at_a_fixed_tag,
    probed,
    probes_ask_a_port_that_is_there,
    every_variable_once,
    secrets_by_reference,
    labelled,
    services_lead_to_a_port,
)
