"""What must hold before anything is changed; each failure is one sentence that says what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from installer.cluster import Answer, Cluster, Presence
from installer.errors import Refused
from installer.parts import EVENTING, EVENTING_MARKER, Choices
from installer.versions import Versions, number

RECEIVER = ("--namespace=knative-eventing", "deployment", "kafka-broker-receiver")


def check_tools(cluster: Cluster, versions: Versions) -> None:
    for program in ("kubectl", "helm"):
        if shutil.which(program) is None:
            raise Refused(f"{program} is not on the PATH: install it first.")
    helm = cluster.learn("helm", "version", "--template", "{{.Version}}").strip()
    if number(helm) < number(versions.helm):
        raise Refused(f"helm is {helm}: {versions.helm} or newer is needed, for labels on releases.")


def check_cluster(cluster: Cluster, versions: Versions) -> str:
    """Returns the version of Kubernetes."""
    if cluster.kubeconfig and not Path(cluster.kubeconfig).is_file():
        raise Refused(f"There is no kubeconfig {cluster.kubeconfig}: check --kubeconfig.")
    answer = cluster.ask("kubectl", "version", "--output=json", "--request-timeout=15s")
    if answer.code:
        raise Refused(_unreachable(cluster, answer))
    server = json.loads(answer.out).get("serverVersion", {})
    if number(f"{server['major']}.{server['minor']}") < number(versions.kubernetes):
        raise Refused(
            f"Kubernetes is {server['gitVersion']}: upgrade it to {versions.kubernetes} or newer, "
            f"without which Knative {versions['knative-serving'].version} does not start."
        )
    _check_rights(cluster)
    version: str = server["gitVersion"]
    return version


def _unreachable(cluster: Cluster, answer: Answer) -> str:
    if "context" in answer.reason and "does not exist" in answer.reason:
        names = ", ".join(cluster.ask("kubectl", "config", "get-contexts", "--output=name").out.split())
        return f"There is no context {cluster.context}: choose one of {names or 'none'} with --context."
    where = f"the cluster of context {cluster.context}" if cluster.context else "the cluster"
    return f"Cannot reach {where}: check --kubeconfig and --context, and that it runs ({answer.reason})."


def _check_rights(cluster: Cluster) -> None:
    """CRDs, cluster roles and webhooks are made: nothing less than everything will do."""
    if cluster.ask("kubectl", "auth", "can-i", "*", "*", "--all-namespaces").out.strip() != "yes":
        raise Refused("This user may not do everything in the cluster: use one bound to cluster-admin.")


def check_kafka_broker(cluster: Cluster, choices: Choices) -> None:
    """The broker comes with Knative Eventing, so both have one owner."""
    eventing = cluster.presence(EVENTING, EVENTING_MARKER)
    if choices.kafka_broker and eventing is Presence.FOREIGN and not _there(cluster, RECEIVER):
        raise Refused(
            "Knative Eventing was brought by the cluster, without the Kafka broker: add that there, "
            "or use --without-kafka and broker.class MTChannelBasedBroker."
        )
    if not choices.kafka_broker and eventing is Presence.OURS and _has_kafka(cluster):
        raise Refused(
            "The Kafka broker is installed, and --without-kafka would remove it from under its Brokers: "
            "delete those first, then spec.additionalManifests of the KnativeEventing."
        )


def check_redpanda(cluster: Cluster) -> None:
    """Its chart starts no broker without an administrator."""
    if not _there(cluster, ("--namespace=redpanda", "secret", "redpanda-users")):
        raise Refused(
            "There is no Secret redpanda-users in namespace redpanda: kafka/README.md says how to make it."
        )


def _has_kafka(cluster: Cluster) -> bool:
    path = "jsonpath={.spec.additionalManifests}"
    return bool(cluster.learn("kubectl", "get", *EVENTING, "--output", path).strip("[] \n"))


def _there(cluster: Cluster, reference: tuple[str, ...]) -> bool:
    return bool(cluster.learn("kubectl", "get", *reference, "--ignore-not-found", "--output=name").strip())


def is_kind(cluster: Cluster) -> bool:
    """`kind` writes itself into the nodes; two things are different there."""
    providers = cluster.learn("kubectl", "get", "nodes", "--output", "jsonpath={.items[*].spec.providerID}")
    return any(provider.startswith("kind://") for provider in providers.split())
