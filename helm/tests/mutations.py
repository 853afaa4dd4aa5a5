"""Faults people make in manifests, each a change of one object of an environment that has none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helm.gates.objects import Object, Objects, title

from .gated import WHOLE

Change = Callable[[Object], None]


@dataclass(frozen=True)
class Mutation:
    """Its name says the fault; `change` works on a copy of the object `Kind/name`, None removes that."""

    name: str
    subject: str
    change: Change | None
    environment: str = WHOLE

    def applied(self, objects: Objects) -> Objects:
        changed = []
        for each in objects:
            if title(each) != self.subject:
                changed.append(each)
            elif self.change is not None:
                mutated = copy.deepcopy(each)
                self.change(mutated)
                changed.append(mutated)
        return Objects(changed)


def put(path: str, value: object) -> Change:
    """Set what a path names; `~` is a dot inside a key, a number an index."""

    def change(each: Object) -> None:
        *parents, last = path.split(".")
        place = _place(each, parents)
        place[_step(last)] = value

    return change


def drop(path: str) -> Change:
    def change(each: Object) -> None:
        *parents, last = path.split(".")
        del _place(each, parents)[_step(last)]

    return change


def append(path: str, value: object) -> Change:
    def change(each: Object) -> None:
        _place(each, path.split(".")).append(value)

    return change


def both(*changes: Change) -> Change:
    def change(each: Object) -> None:
        for one in changes:
            one(each)

    return change


def _place(each: Any, steps: list[str]) -> Any:
    for step in steps:
        each = each[_step(step)]
    return each


def _step(step: str) -> str | int:
    return int(step) if step.isdigit() else step.replace("~", ".")


POD = "spec.template.spec"
CONTAINER = f"{POD}.containers.0"
SECURITY = f"{CONTAINER}.securityContext"
SCALE = "spec.template.metadata.annotations.autoscaling~knative~dev/"
API, COUNTER, BOARD = "Service/task-api", "Service/analytics", "Deployment/dashboard"
EVERYWHERE = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
EDGE = "metadata.annotations."
ALL_TOPICS = {"resource": {"type": "topic", "name": "*"}, "operations": ["All"]}

MUTATIONS = (
    # --- pods
    Mutation("root user", API, put(f"{SECURITY}.runAsUser", 0)),
    Mutation("may run as root", COUNTER, put(f"{SECURITY}.runAsNonRoot", False)),
    Mutation("privileged", API, put(f"{SECURITY}.privileged", True)),
    Mutation("may gain privileges", BOARD, put(f"{SECURITY}.allowPrivilegeEscalation", True)),
    Mutation("a capability added", COUNTER, put(f"{SECURITY}.capabilities.add", ["NET_ADMIN"])),
    Mutation("writable root", "Job/task-api-migrate", put(f"{SECURITY}.readOnlyRootFilesystem", False)),
    Mutation("no seccomp profile", BOARD, drop(f"{SECURITY}.seccompProfile")),
    Mutation("the node's network", BOARD, put(f"{POD}.hostNetwork", True)),
    Mutation(
        "a folder of the node", BOARD, put(f"{POD}.volumes", [{"name": "x", "hostPath": {"path": "/"}}])
    ),
    Mutation("no memory limit", API, drop(f"{CONTAINER}.resources.limits.memory")),
    Mutation("request above the limit", COUNTER, put(f"{CONTAINER}.resources.requests.memory", "2Gi")),
    Mutation("token mounted", API, put(f"{POD}.automountServiceAccountToken", True)),
    Mutation("the default account", BOARD, drop(f"{POD}.serviceAccountName")),
    Mutation("latest tag", COUNTER, put(f"{CONTAINER}.image", "registry.example.com/analytics:latest")),
    Mutation("image without a registry", API, put(f"{CONTAINER}.image", "task-api:0.1.0")),
    Mutation("no readiness probe", BOARD, drop(f"{CONTAINER}.readinessProbe")),
    Mutation("probe of a wrong port", BOARD, put(f"{CONTAINER}.livenessProbe.httpGet.port", 8081)),
    Mutation("wrong container port", API, put(f"{CONTAINER}.ports.0.containerPort", 9464)),
    Mutation("a variable twice", API, append(f"{CONTAINER}.env", {"name": "LOG_LEVEL", "value": "DEBUG"})),
    Mutation(
        "secret in plain text",
        BOARD,
        append(f"{CONTAINER}.env", {"name": "OIDC_CLIENT_SECRET", "value": "s3cret"}),
    ),
    Mutation("typing error in a field", BOARD, put(f"{CONTAINER}.resources.limit", {"cpu": "1"})),
    Mutation("wrong apiVersion", BOARD, put("apiVersion", "extensions/v1beta1")),
    # --- Knative
    Mutation("spec.traffic", COUNTER, put("spec.traffic", [{"latestRevision": True, "percent": 100}])),
    Mutation("public analytics", COUNTER, drop("metadata.labels.networking~knative~dev/visibility")),
    Mutation("one request at a time", COUNTER, put(f"{POD}.containerConcurrency", 1)),
    Mutation("typing error in an annotation", API, put(f"{SCALE}minScale", "3")),
    Mutation("timeout below the drain", API, put(f"{POD}.timeoutSeconds", 20)),
    Mutation("slow readiness probe", COUNTER, put(f"{CONTAINER}.readinessProbe.periodSeconds", 10)),
    Mutation("nobody runs the relay", API, put(f"{SCALE}min-scale", "0")),
    # --- eventing
    Mutation("wrong filter", "Trigger/task-created", put("spec.filters.0.exact.type", "task.updated")),
    Mutation("filter of nothing", "Trigger/analytics", drop("spec.filters")),
    Mutation("renamed Trigger", "Trigger/analytics", put("metadata.name", "analytics-v2")),
    Mutation("missing delivery", "Trigger/analytics", drop("spec.delivery")),
    Mutation("dead letter missing", "Trigger/task-deleted", drop("spec.delivery.deadLetterSink")),
    Mutation("delivery gives up early", "Trigger/analytics", put("spec.delivery.timeout", "PT5S")),
    Mutation(
        "dead letters to a sink of its own",
        "Trigger/analytics",
        put("spec.delivery.deadLetterSink.ref.name", "task-deleted"),
    ),
    Mutation(
        "Broker class changed", "Broker/tasks", put(f"{EDGE}eventing~knative~dev/broker~class", "Kafka2")
    ),
    Mutation(
        "the Broker's own topic", "Broker/tasks", drop(f"{EDGE}kafka~eventing~knative~dev/external~topic")
    ),
    Mutation("wrong topic", "KafkaSink/task-created", put("spec.topic", "task.updated")),
    Mutation("sink missing", "KafkaSink/dead-letter", None),
    Mutation(
        "events to another Broker",
        API,
        put(f"{CONTAINER}.env.1", {"name": "K_SINK", "value": "http://broker-ingress.knative-eventing/x/y"}),
    ),
    # --- network and edge
    Mutation("open egress", "NetworkPolicy/task-api", append("spec.egress", {})),
    Mutation("egress to everywhere", "NetworkPolicy/analytics", put("spec.egress.1.to", EVERYWHERE)),
    Mutation("no default deny", "NetworkPolicy/default-deny", None),
    Mutation("policy for every pod", "NetworkPolicy/task-api", put("spec.podSelector", {})),
    Mutation("ingress from everybody", "NetworkPolicy/dashboard", drop("spec.ingress.0.from")),
    Mutation(
        "a door past Knative", "NetworkPolicy/analytics", append("spec.ingress.0.ports", {"port": 8080})
    ),
    Mutation(
        "everything is public",
        "Ingress/task-system-api",
        put("spec.rules.0.http.paths.0", {"path": "/", "pathType": "Prefix", "backend": {}}),
    ),
    Mutation("HSTS off", "Ingress/task-system-app", put(f"{EDGE}nginx~org/hsts", "False")),
    Mutation("no encryption", "Ingress/task-system-api", drop("spec.tls")),
    Mutation(
        "annotation of the retired controller",
        "Ingress/task-system-app",
        put(f"{EDGE}nginx~ingress~kubernetes~io/proxy-buffering", "off"),
    ),
    Mutation("no issuer", "Ingress/task-system-app", drop(f"{EDGE}cert-manager~io/cluster-issuer")),
    # --- scaling
    Mutation("HPA down to zero", "HorizontalPodAutoscaler/dashboard", put("spec.minReplicas", 0)),
    Mutation("HPA of nothing", "HorizontalPodAutoscaler/dashboard", put("spec.scaleTargetRef.name", "board")),
    Mutation("budget that lets nobody go", "PodDisruptionBudget/dashboard", put("spec.maxUnavailable", 0)),
    Mutation(
        "budget of nothing",
        "PodDisruptionBudget/dashboard",
        put("spec.selector.matchLabels.app~kubernetes~io/name", "board"),
    ),
    # --- Kafka
    Mutation("short retention", "KafkaTopic/tasks.events", put("spec.config.retention~ms", 3600000), "kafka"),
    Mutation("one copy", "KafkaTopic/tasks.events", put("spec.replicas", 1), "kafka"),
    Mutation(
        "user may everything", "KafkaUser/knative", append("spec.authorization.acls", ALL_TOPICS), "kafka"
    ),
    Mutation("plain listener", "Kafka/tasks", put("spec.kafka.listeners.0.tls", False), "kafka"),
    Mutation("typing error in Strimzi", "Kafka/tasks", put("spec.kafka.replicas", 3), "kafka"),
    Mutation(
        "an acknowledgement of one broker",
        "Kafka/tasks",
        put("spec.kafka.config.min~insync~replicas", 1),
        "kafka",
    ),
    # --- platform
    Mutation(
        "typing error in the platform", "KnativeServing/knative-serving", put("spec.ingres", {}), "platform"
    ),
    # --- what is known to slip through: see UNCAUGHT in test_mutations.py
    Mutation("a wrong number", API, put(f"{SCALE}target", "500")),
    Mutation(
        "a registry of strangers", COUNTER, put(f"{CONTAINER}.image", "evil.example.com/analytics:0.1.0")
    ),
)
