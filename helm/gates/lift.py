"""The pod of a Knative Service as a Deployment: schemas of Kubernetes and scanners see nothing of the former."""

from __future__ import annotations

import copy

from .objects import Object, containers, has_pods, is_knative_service, template

# Said in the pod of a Knative Service, and in no other.
KNATIVE_ONLY = ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds")
PROBES = ("readinessProbe", "startupProbe", "livenessProbe")
HANDLERS = ("httpGet", "tcpSocket")


def lifted(each: Object) -> Object:
    """A Deployment with the same pod, for a Knative Service; any other object as it is."""
    if not is_knative_service(each):
        return each
    pod_template = copy.deepcopy(template(each))
    for key in KNATIVE_ONLY:
        pod_template["spec"].pop(key, None)
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": each["metadata"],
        "spec": {
            "selector": {"matchLabels": pod_template.get("metadata", {}).get("labels", {})},
            "template": pod_template,
        },
    }
    for container in containers(deployment):
        _give_probes_the_port(container)
    return deployment


def _give_probes_the_port(container: Object) -> None:
    """As Knative does: its probes name none."""
    port = next((each.get("containerPort") for each in container.get("ports") or []), 8080)
    for probe in PROBES:
        for handler in HANDLERS:
            if isinstance(container.get(probe), dict) and handler in container[probe]:
                container[probe][handler].setdefault("port", port)


def scannable(each: Object) -> bool:
    """Whether a scanner has rules for it; what only its controller knows would be passed without a look."""
    group = str(each.get("apiVersion")).partition("/")[0]
    return has_pods(each) or "." not in group or group.endswith(".k8s.io")
