"""The parts, in the order they are installed, and what each stands on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from installer.cluster import Cluster, Presence
from installer.helm_release import HelmRelease
from installer.manifests import Manifests, Words
from installer.versions import ROOT, Versions

INSTALL = ROOT / "knative" / "install"
KAFKA = ROOT / "kafka"
EVENTING = ("--namespace=knative-eventing", "knativeeventing.operator.knative.dev", "knative-eventing")
SERVING = ("--namespace=knative-serving", "knativeserving.operator.knative.dev", "knative-serving")
SERVING_MARKER = ("crd", "services.serving.knative.dev")
EVENTING_MARKER = ("crd", "brokers.eventing.knative.dev")


class Part(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    def presence(self, cluster: Cluster) -> Presence: ...
    def is_current(self, cluster: Cluster) -> bool: ...
    def install(self, cluster: Cluster) -> None: ...
    def wait(self, cluster: Cluster) -> None: ...


@dataclass(frozen=True)
class Choices:
    """What differs between installations."""

    kafka_broker: bool = True
    kafka: str = "none"
    kind: bool = False


def parts(versions: Versions, choices: Choices) -> list[Part]:
    chosen: list[Part] = [
        _namespace(),
        _cert_manager(versions),
        _metrics_server(versions, kind=choices.kind),
        _nginx(versions, kind=choices.kind),
        _operator(versions),
        _serving(versions),
        _eventing(versions, kafka_broker=choices.kafka_broker),
    ]
    if choices.kafka_broker:
        chosen.append(_kafka_broker(versions))
    if choices.kafka == "strimzi":
        chosen += [_strimzi(versions), _kafka_cluster(versions, kind=choices.kind)]
    if choices.kafka == "redpanda":
        chosen.append(_redpanda(versions))
    return chosen


@dataclass(frozen=True)
class _Namespace(Manifests):
    """Whoever made it, it must carry the labels; so it is never the cluster's affair."""

    def presence(self, cluster: Cluster) -> Presence:
        mine = super().presence(cluster)
        return Presence.OURS if mine is Presence.FOREIGN else mine


def _namespace() -> Part:
    namespace = ("namespace", "task-system")
    return _Namespace("namespace", "", (str(INSTALL / "namespace.yaml"),), namespace, namespace)


def _cert_manager(versions: Versions) -> Part:
    return HelmRelease(
        "cert-manager",
        "cert-manager",
        versions["cert-manager"],
        (INSTALL / "cert-manager-values.yaml",),
        marker=("crd", "clusterissuers.cert-manager.io"),
    )


def _metrics_server(versions: Versions, *, kind: bool) -> Part:
    # kind's kubelets have certificates that nobody signed; anywhere else this would be a hole.
    insecure = [
        {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--kubelet-insecure-tls"}
    ]
    deployment = ("--namespace=kube-system", "deployment", "metrics-server")
    patch = ("patch", *deployment, "--type=json", "-p", json.dumps(insecure))
    api = "apiservice/v1beta1.metrics.k8s.io"
    return Manifests(
        "metrics-server",
        versions["metrics-server"].version,
        (versions["metrics-server"].source,),
        owned=deployment,
        # A managed one may have another name, but it is always behind this API.
        marker=("apiservice", "v1beta1.metrics.k8s.io"),
        after=(patch,) if kind else (),
        waits=(("rollout", "status", *deployment), ("wait", api, "--for=condition=Available")),
    )


def _nginx(versions: Versions, *, kind: bool) -> Part:
    files = ["nginx-values.yaml"] + (["nginx-kind-values.yaml"] if kind else [])
    return HelmRelease(
        "nginx-ingress",
        "nginx-ingress",
        versions["nginx"],
        tuple(INSTALL / file for file in files),
        marker=("ingressclass", "nginx"),
    )


@dataclass(frozen=True)
class _Operator(Manifests):
    """Not needed where both things it would install are there without it."""

    def presence(self, cluster: Cluster) -> Presence:
        mine = super().presence(cluster)
        if mine is not Presence.ABSENT:
            return mine
        both = ((SERVING, SERVING_MARKER), (EVENTING, EVENTING_MARKER))
        there = all(cluster.presence(owned, marker) is Presence.FOREIGN for owned, marker in both)
        return Presence.FOREIGN if there else Presence.ABSENT


def _operator(versions: Versions) -> Part:
    kinds = ("crd/knativeservings.operator.knative.dev", "crd/knativeeventings.operator.knative.dev")
    crd = ("crd", "knativeservings.operator.knative.dev")
    return _Operator(
        "knative-operator",
        versions["knative-operator"].version,
        (versions["knative-operator"].source,),
        owned=crd,
        marker=crd,
        namespace="knative-operator",
        waits=(
            ("wait", *kinds, "--for=condition=Established"),
            # The webhook converts the two kinds: without it they cannot be applied.
            *(_rollout("knative-operator", name) for name in ("operator-webhook", "knative-operator")),
        ),
    )


def _serving(versions: Versions) -> Part:
    return Manifests(
        "knative-serving",
        versions["knative-serving"].version,
        (str(INSTALL / "knative-serving.yaml"),),
        owned=SERVING,
        marker=SERVING_MARKER,
        namespace="knative-serving",
        waits=_operated(SERVING, versions["knative-serving"].version),
    )


def _eventing(versions: Versions, *, kafka_broker: bool) -> Part:
    no_kafka = json.dumps([{"op": "remove", "path": "/spec/additionalManifests"}])
    return Manifests(
        "knative-eventing",
        versions["knative-eventing"].version,
        (str(INSTALL / "knative-eventing.yaml"),),
        owned=EVENTING,
        marker=EVENTING_MARKER,
        namespace="knative-eventing",
        patch="" if kafka_broker else no_kafka,
        waits=_operated(EVENTING, versions["knative-eventing"].version),
    )


@dataclass(frozen=True)
class _KafkaBroker(Manifests):
    """It comes with Knative Eventing; ours to look after only where that is ours."""

    def presence(self, cluster: Cluster) -> Presence:
        eventing = cluster.presence(EVENTING, EVENTING_MARKER)
        return eventing if eventing is Presence.FOREIGN else super().presence(cluster)


def _kafka_broker(versions: Versions) -> Part:
    names = ("kafka-controller", "kafka-webhook-eventing", "kafka-broker-receiver", "kafka-sink-receiver")
    budget = ("--namespace=knative-eventing", "poddisruptionbudget", "kafka-broker-dispatcher")
    return _KafkaBroker(
        "kafka-broker",
        versions["knative-kafka-broker"].version,
        (str(INSTALL / "kafka-broker-availability.yaml"),),
        owned=budget,
        marker=budget,
        waits=tuple(_rollout("knative-eventing", name) for name in names),
    )


def _strimzi(versions: Versions) -> Part:
    return HelmRelease(
        "strimzi",
        "strimzi",
        versions["strimzi"],
        (INSTALL / "strimzi-values.yaml",),
        marker=("crd", "kafkas.kafka.strimzi.io"),
        # It gets a role in the namespace it watches, which must be there.
        watched="kafka",
    )


def _kafka_cluster(versions: Versions, *, kind: bool) -> Part:
    files = (str(KAFKA / "kafka-cluster.yaml"), str(KAFKA / "kafka-topics.yaml"))
    kafka = ("--namespace=kafka", "kafka.kafka.strimzi.io", "tasks")
    every = ("wait", "--namespace=kafka", "--all", "--for=condition=Ready")
    return Manifests(
        "kafka",
        versions["kafka"].version,
        (str(KAFKA / "single-node"),) if kind else files,
        owned=kafka,
        marker=kafka,
        namespace="kafka",
        bare=True,
        waits=(
            ("wait", *kafka, "--for=condition=Ready"),
            (*every, "kafkatopic"),
            (*every, "kafkauser"),
        ),
    )


def _redpanda(versions: Versions) -> Part:
    return HelmRelease(
        "redpanda",
        "redpanda",
        versions["redpanda"],
        (KAFKA / "redpanda-values.yaml",),
        marker=("--namespace=redpanda", "statefulset", "redpanda"),
    )


def _rollout(namespace: str, name: str) -> Words:
    return ("rollout", "status", f"--namespace={namespace}", f"deployment/{name}")


def _operated(reference: Words, version: str) -> tuple[Words, ...]:
    """Ready may still be the previous version's: that the version is the wanted one comes first."""
    return (
        ("wait", *reference, f"--for=jsonpath={{.status.version}}={version}"),
        ("wait", *reference, "--for=condition=Ready"),
    )
