"""knative/install: what is set, and that it reaches something in the released manifests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from helm.gates import core, crds, modules
from helm.gates.finding import GateError

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "knative" / "install"
OBJECTS = ["namespace", "knative-serving", "knative-eventing", "kafka-broker-availability"]
# Names of the broker's release, which no registry the tests reach has: read in its sources.
KAFKA_PODS = {
    "kafka-broker-receiver": {"kafka-broker-receiver"},
    "kafka-sink-receiver": {"kafka-sink-receiver"},
    "kafka-broker-dispatcher": {"kafka-broker-dispatcher"},
}

Object = dict[str, Any]


def documents(name: str) -> list[Object]:
    return list(yaml.safe_load_all((INSTALL / f"{name}.yaml").read_text()))


def spec(name: str) -> Object:
    found: Object = documents(name)[0]["spec"]
    return found


def properties(config: str, file: str) -> dict[str, str]:
    text: str = spec("knative-eventing")["config"][config][file]
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@cache
def released() -> list[Object]:
    """Everything the operator installs for the two, and the Kafka controller."""
    try:
        folder = modules.folder_of(crds._versions()["knative-operator"]["module"])
    except GateError as error:
        pytest.skip(str(error))
    places = [
        "knative-serving/1.23.0",
        "knative-eventing/1.23.0",
        "ingress/1.23/kourier",
        "eventing-source/1.23/kafka",
    ]
    paths = [path for place in places for path in (folder / "cmd/operator/kodata" / place).glob("*.yaml")]
    return [
        each for path in sorted(paths) for each in yaml.load_all(path.read_text(), yaml.CSafeLoader) if each
    ]


# --- schemas ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(INSTALL.glob("*.yaml")), ids=lambda path: path.name)
def test_every_file_parses_and_says_what_it_is(path: Path) -> None:
    assert all(yaml.safe_load_all(path.read_text()))
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_fits_its_schema(name: str) -> None:
    for each in documents(name):
        assert faults(each) == [], each["metadata"]["name"]


@pytest.mark.parametrize("name", ["knative-serving", "knative-eventing"])
def test_a_misspelt_field_would_be_seen(name: str) -> None:
    document = documents(name)[0]
    document["spec"]["workload"] = document["spec"].pop("workloads")

    assert faults(document) != []


def faults(each: Object) -> list[str]:
    try:
        return crds.faults_of(each) if crds.is_custom(each) else core.faults_of(each)
    except GateError as error:
        pytest.skip(str(error))


def test_the_values_fit_the_chart_of_cert_manager() -> None:
    try:
        folder = modules.folder_of(crds._versions()["cert-manager"]["module"])
    except GateError as error:
        pytest.skip(str(error))
    schema = json.loads((folder / "deploy/charts/cert-manager/values.schema.json").read_text())

    jsonschema.validate(documents("cert-manager-values")[0], schema)


# --- overrides meet something ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["knative-serving", "knative-eventing"])
def test_every_workload_and_container_overridden_exists(name: str) -> None:
    pods = KAFKA_PODS | {
        each["metadata"]["name"]: {container["name"] for container in containers(each)}
        for each in released()
        if each["kind"] in ("Deployment", "StatefulSet")
    }

    for workload in spec(name)["workloads"]:
        overridden = {entry["container"] for key in ("resources", "env") for entry in workload.get(key, [])}
        assert overridden <= pods.get(workload["name"], set()), workload["name"]
        assert workload["name"] in pods


def containers(workload: Object) -> list[Object]:
    found: list[Object] = workload["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize("name", ["knative-serving", "knative-eventing"])
def test_every_budget_that_would_block_a_drain_is_changed(name: str) -> None:
    namespace = name
    shipped = {
        each["metadata"]["name"]
        for each in released()
        if each["kind"] == "PodDisruptionBudget"
        and each["metadata"]["namespace"] in (namespace, "kourier-system")
    }
    if name == "knative-eventing":
        shipped -= {"3scale-kourier-gateway-pdb"}
    changed = {budget["name"]: budget for budget in spec(name)["podDisruptionBudgets"]}

    assert set(changed) == shipped
    assert all(budget["maxUnavailable"] == 1 and "minAvailable" not in budget for budget in changed.values())


def test_every_config_map_configured_is_one_of_the_release() -> None:
    names = {each["metadata"]["name"] for each in released() if each["kind"] == "ConfigMap"}

    assert {f"config-{name}" for name in spec("knative-serving")["config"]} <= names


@pytest.mark.parametrize("name", ["knative-serving", "knative-eventing"])
def test_the_node_needs_no_more_than_said(name: str) -> None:
    """docs/how-to/install.md says what a small cluster must have."""
    wanted = {"knative-serving": 1.3, "knative-eventing": 2.0}[name]

    assert sum(requests(name)) == pytest.approx(wanted, abs=0.15)


def requests(name: str) -> Iterator[float]:
    """CPUs requested, by what is set here and by what the release says where nothing is."""
    overrides = {workload["name"]: workload for workload in spec(name)["workloads"]}
    many = spec(name).get("high-availability", {}).get("replicas", 1)
    mine = [
        each for each in released() if each["kind"] in ("Deployment", "StatefulSet") and _belongs(each, name)
    ]
    shipped = {each["metadata"]["name"]: containers(each) for each in mine}
    for workload in sorted(shipped.keys() | (overrides.keys() & KAFKA_PODS.keys())):
        override = overrides.get(workload, {})
        set_here = [
            entry["requests"]["cpu"] for entry in override.get("resources", []) if "requests" in entry
        ]
        there = [
            c.get("resources", {}).get("requests", {}).get("cpu", "0") for c in shipped.get(workload, [])
        ]
        scaled = 2 if workload in ("kafka-broker-receiver", "kafka-sink-receiver") else many
        yield override.get("replicas", scaled) * sum(cpus(cpu) for cpu in set_here or there)


def _belongs(each: Object, name: str) -> bool:
    serving = each["metadata"]["namespace"] in ("knative-serving", "kourier-system")
    skipped = ("kafka-source-dispatcher", "pingsource-mt-adapter")
    return serving == (name == "knative-serving") and each["metadata"]["name"] not in skipped


def cpus(quantity: str) -> float:
    return float(quantity.removesuffix("m")) / 1000 if quantity.endswith("m") else float(quantity)


# --- Serving ---------------------------------------------------------------------------------------------


def test_kourier_is_no_second_door() -> None:
    assert spec("knative-serving")["ingress"] == {"kourier": {"enabled": True, "service-type": "ClusterIP"}}
    assert spec("knative-serving")["config"]["network"] == {
        "ingress-class": "kourier.ingress.networking.knative.dev",
        "autocreate-cluster-domain-claims": "true",
    }


def test_no_feature_is_switched_on() -> None:
    assert "features" not in spec("knative-serving")["config"]


def test_serving_has_two_of_everything() -> None:
    assert spec("knative-serving")["high-availability"] == {"replicas": 2}


# --- Eventing and its Kafka data plane -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "file"),
    [
        ("config-kafka-broker-data-plane", "config-kafka-broker-producer.properties"),
        ("config-kafka-sink-data-plane", "config-kafka-sink-producer.properties"),
    ],
)
def test_a_producer_neither_doubles_nor_reorders_nor_hangs(config: str, file: str) -> None:
    producer = properties(config, file)

    assert producer["enable.idempotence"] == "true"
    # What idempotence asks for; without one of these the producer does not start.
    assert producer["acks"] == "all"
    assert int(producer["max.in.flight.requests.per.connection"]) <= 5
    assert int(producer["retries"]) > 0
    # Seconds, as measured, and never below what Kafka's client allows.
    assert (producer["max.block.ms"], producer["delivery.timeout.ms"]) == ("3000", "6000")
    floor = int(producer["linger.ms"]) + int(producer["request.timeout.ms"])
    assert int(producer["delivery.timeout.ms"]) >= floor


def test_a_consumer_neither_skips_nor_starves() -> None:
    consumer = properties("config-kafka-broker-data-plane", "config-kafka-broker-consumer.properties")

    assert consumer["auto.offset.reset"] == "earliest"
    assert consumer["max.partition.fetch.bytes"] == str(1024 * 1024)
    assert consumer["enable.auto.commit"] == "false"
    assert consumer["auto.commit.interval.ms"] == "5000"
    assert int(consumer["heartbeat.interval.ms"]) * 3 <= int(consumer["session.timeout.ms"])


def test_requests_in_flight_are_what_autoscaling_counts_on() -> None:
    consumer = properties("config-kafka-broker-data-plane", "config-kafka-broker-consumer.properties")
    client = properties("config-kafka-broker-data-plane", "config-kafka-broker-webclient.properties")
    values = yaml.safe_load((ROOT / "helm/task-system/values.yaml").read_text())

    in_flight = 2 * int(consumer["max.poll.records"]) - 1
    assert in_flight <= int(client["maxPoolSize"])
    assert in_flight <= values["analytics"]["containerConcurrency"]


def test_every_java_program_runs_on_virtual_threads() -> None:
    workloads = {workload["name"]: workload for workload in spec("knative-eventing")["workloads"]}

    for name in KAFKA_PODS:
        assert workloads[name]["env"] == [
            {"container": name, "envVars": [{"name": "ENABLE_VIRTUAL_THREADS", "value": "true"}]}
        ]


@pytest.mark.parametrize(
    ("workload", "config"),
    [
        ("kafka-broker-receiver", "config-kafka-broker-data-plane"),
        ("kafka-broker-dispatcher", "config-kafka-broker-data-plane"),
        ("kafka-sink-receiver", "config-kafka-sink-data-plane"),
    ],
)
def test_a_changed_configuration_changes_the_pods(workload: str, config: str) -> None:
    text = json.dumps(spec("knative-eventing")["config"][config], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    (found,) = [each for each in spec("knative-eventing")["workloads"] if each["name"] == workload]

    assert found["annotations"] == {"data-plane-config": digest}, "the annotation must be this digest"


def test_the_operator_leaves_the_autoscaled_receivers_alone() -> None:
    # It would write either number into the Deployment at every reconciliation, against the autoscaler.
    eventing = spec("knative-eventing")
    scaled = [
        each for each in documents("kafka-broker-availability") if each["kind"] == "HorizontalPodAutoscaler"
    ]
    targets = {each["spec"]["scaleTargetRef"]["name"] for each in scaled}

    assert targets == {"kafka-broker-receiver", "kafka-sink-receiver"}
    assert all(each["spec"]["minReplicas"] == 2 for each in scaled)
    assert "high-availability" not in eventing
    assert [
        each["name"] for each in eventing["workloads"] if each["name"] in targets and "replicas" in each
    ] == []


def test_every_part_of_the_kafka_data_plane_survives_a_drain() -> None:
    budgets = [
        each for each in documents("kafka-broker-availability") if each["kind"] == "PodDisruptionBudget"
    ]

    assert {each["metadata"]["name"] for each in budgets} == {*KAFKA_PODS, "kafka-webhook-eventing"}
    for each in budgets:
        assert each["spec"]["maxUnavailable"] == 1
        assert each["spec"]["selector"] == {"matchLabels": {"app": each["metadata"]["name"]}}


# --- the rest --------------------------------------------------------------------------------------------


def test_the_edge_takes_no_code_from_an_ingress() -> None:
    controller = documents("nginx-values")[0]["controller"]

    assert controller["service"]["type"] == "LoadBalancer"
    assert controller["ingressClass"]["name"] == "nginx"
    assert controller["enableSnippets"] is controller["enableCertManager"] is False
    assert controller["config"]["entries"]["http2"] == "True"


def test_kind_changes_only_how_the_edge_is_reached() -> None:
    controller = documents("nginx-kind-values")[0]["controller"]

    assert set(controller) == {"replicaCount", "autoscaling", "service"}
    assert controller["service"]["type"] == "NodePort"
