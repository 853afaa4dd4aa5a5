"""The Strimzi cluster: no acknowledged event is lost with one broker, and nobody may more than needed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from helm.gates import crds
from helm.gates.finding import GateError
from helm.render import ROOT

from task_events import EVENT_TYPES

from .kafka_files import KAFKA, Object, absent, named, objects, one, single_node

VERSIONS = tomllib.loads((ROOT / "versions.toml").read_text())
EVERYTHING = objects("kafka-cluster.yaml", "kafka-topics.yaml")
POOLS = [each for each in EVERYTHING if each["kind"] == "KafkaNodePool"]
USERS = [each for each in EVERYTHING if each["kind"] == "KafkaUser"]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def title(each: Object) -> str:
    return f"{each['kind']}/{each['metadata']['name']}"


def cluster() -> Object:
    spec = one("Kafka", "tasks")["spec"]
    assert isinstance(spec, dict)
    return spec


def kafka() -> Object:
    found = cluster()["kafka"]
    assert isinstance(found, dict)
    return found


# --- the CRDs of the release ------------------------------------------------------------------------------


def faults_of(each: Object) -> list[str]:
    try:
        return crds.faults_of(each)
    except GateError as error:
        absent(str(error))
        raise


@pytest.mark.timeout(300)  # the first one downloads the generator
@pytest.mark.parametrize("each", EVERYTHING, ids=title)
def test_an_object_is_what_its_release_knows(each: Object) -> None:
    assert faults_of(each) == []


@pytest.mark.timeout(300)
def test_one_node_is_what_the_release_knows() -> None:
    assert {title(each): faults_of(each) for each in single_node() if faults_of(each)} == {}


MUTATIONS: list[tuple[str, str, list[str | int], object]] = [
    ("Kafka", "tasks", ["spec", "kafka", "replicas"], 3),
    ("Kafka", "tasks", ["spec", "kafka", "listeners", 0, "authentication", "type"], "oauth"),
    ("Kafka", "tasks", ["spec", "kafka", "rack", "topologykey"], "zone"),
    ("Kafka", "tasks", ["spec", "zookeeper"], {}),
    ("Kafka", "tasks", ["spec", "kafka", "authorization", "type"], "opa"),
    ("KafkaNodePool", "broker", ["spec", "storage", "volumes", 0, "deleteclaim"], False),
    ("KafkaNodePool", "broker", ["spec", "replicas"], "3"),
    ("KafkaTopic", "tasks.events", ["spec", "partition"], 10),
    ("KafkaTopic", "tasks.events", ["apiVersion"], "kafka.strimzi.io/v1beta2"),
    ("KafkaUser", "knative", ["spec", "authorization", "acls", 0, "operation"], "Read"),
    ("KafkaUser", "knative", ["spec", "authorization", "acls", 0, "operations"], ["Produce"]),
    ("KafkaRebalance", "tasks", ["spec", "mode"], "add-broker"),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "name", "path", "value"), MUTATIONS, ids=lambda each: str(each)[:60])
def test_a_typing_error_is_found(kind: str, name: str, path: list[str | int], value: object) -> None:
    changed = one(kind, name)
    place: Object = changed
    for step in path[:-1]:
        place = place[step]  # type: ignore[index]  # a list takes its number
    place[path[-1]] = value  # type: ignore[index]  # as above
    assert faults_of(changed) != []


# --- versions ---------------------------------------------------------------------------------------------


def test_the_versions_are_the_pinned_ones() -> None:
    assert (kafka()["version"], kafka()["metadataVersion"]) == (
        VERSIONS["kafka"]["version"],
        VERSIONS["kafka"]["metadata-version"],
    )


def test_the_page_installs_the_pinned_operator() -> None:
    page = (KAFKA / "README.md").read_text()
    pinned = VERSIONS["strimzi"]["chart"]
    assert set(
        re.findall(r"download/([0-9.]+)/strimzi-kafka-operator-helm-3-chart-([0-9.]+)\.tgz", page)
    ) == {(pinned, pinned)}


# --- nothing acknowledged is lost -------------------------------------------------------------------------


@pytest.mark.parametrize("pool", POOLS, ids=title)
def test_a_pool_is_three_pods_that_never_share_a_node_and_whose_disks_stay(pool: Object) -> None:
    spec = pool["spec"]
    assert (spec["replicas"], pool["metadata"]["labels"]) == (3, {"strimzi.io/cluster": "tasks"})
    assert spec["storage"]["type"] == "jbod"
    for volume in spec["storage"]["volumes"]:
        assert (volume["type"], volume["deleteClaim"]) == ("persistent-claim", False)
    apart, zones = spec["template"]["pod"]["topologySpreadConstraints"]
    assert (apart["topologyKey"], apart["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "DoNotSchedule")
    assert zones["topologyKey"] == "topology.kubernetes.io/zone"
    own = {"strimzi.io/cluster": "tasks", "strimzi.io/pool-name": pool["metadata"]["name"]}
    assert [each["labelSelector"] for each in (apart, zones)] == [{"matchLabels": own}] * 2


def test_controllers_and_brokers_are_apart() -> None:
    assert {each["metadata"]["name"]: each["spec"]["roles"] for each in POOLS} == {
        "controller": ["controller"],
        "broker": ["broker"],
    }


def test_a_write_is_on_two_brokers_and_one_broker_may_go() -> None:
    config = kafka()["config"]
    assert config["min.insync.replicas"] == config["transaction.state.log.min.isr"] == 2
    for key in ("default", "offsets.topic", "transaction.state.log"):
        assert config[f"{key}.replication.factor"] == 3
    assert config["unclean.leader.election.enable"] is False
    assert config["auto.create.topics.enable"] is False
    assert kafka()["template"]["podDisruptionBudget"] == {"maxUnavailable": 1}
    assert kafka()["rack"] == {"topologyKey": "topology.kubernetes.io/zone"}


def test_offsets_outlive_every_event() -> None:
    longest = max(
        each["spec"]["config"].get("retention.ms", 0) for each in EVERYTHING if each["kind"] == "KafkaTopic"
    )
    assert kafka()["config"]["offsets.retention.minutes"] * 60 * 1000 > longest


def test_brokers_that_come_and_go_take_partitions_along() -> None:
    modes = {each["mode"]: each["template"]["name"] for each in cluster()["cruiseControl"]["autoRebalance"]}
    assert set(modes) == {"add-brokers", "remove-brokers"}
    for name in modes.values():
        template = one("KafkaRebalance", name)
        assert template["metadata"]["annotations"] == {"strimzi.io/rebalance-template": "true"}


def test_lag_is_measured_of_every_trigger_and_topic() -> None:
    exporter = cluster()["kafkaExporter"]
    assert exporter["showAllOffsets"] is True
    assert exporter["groupRegex"] == "knative-trigger-.*"
    assert kafka()["metricsConfig"]["type"] == "strimziMetricsReporter"


# --- nobody may more than needed --------------------------------------------------------------------------


def test_the_only_door_is_encrypted_asks_for_a_password_and_knows_who_comes() -> None:
    (listener,) = kafka()["listeners"]
    assert (listener["port"], listener["type"], listener["tls"]) == (9093, "internal", True)
    assert listener["authentication"] == {"type": "scram-sha-512"}
    knative, taskctl = listener["networkPolicyPeers"]
    namespace = "kubernetes.io/metadata.name"
    assert knative == {"namespaceSelector": {"matchLabels": {namespace: "knative-eventing"}}}
    assert taskctl["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "taskctl"}}
    assert taskctl["namespaceSelector"] == {"matchLabels": {namespace: "task-system"}}


def test_nobody_is_a_superuser() -> None:
    assert kafka()["authorization"] == {"type": "simple"}


def allowed(user: str) -> set[tuple[str, str, str, str]]:
    """Kind, name, pattern, operation: everything the user may."""
    authorization = one("KafkaUser", user)["spec"]["authorization"]
    assert authorization["type"] == "simple"
    return {
        (
            acl["resource"]["type"],
            acl["resource"].get("name", ""),
            acl["resource"].get("patternType", "literal"),
            operation,
        )
        for acl in authorization["acls"]
        for operation in acl["operations"]
    }


def grants(user: str, kind: str, name: str) -> set[str]:
    """Operations on one resource, as Kafka matches patterns."""
    return {
        operation
        for found, pattern, how, operation in allowed(user)
        if found == kind and (name == pattern if how == "literal" else name.startswith(pattern))
    }


@pytest.mark.parametrize("user", USERS, ids=title)
def test_a_user_has_a_password_of_the_operators_making(user: Object) -> None:
    assert user["spec"]["authentication"] == {"type": "scram-sha-512"}
    assert user["metadata"]["labels"] == {"strimzi.io/cluster": "tasks"}


def test_knative_writes_reads_and_commits_and_no_more() -> None:
    assert grants("knative", "topic", "tasks.events") == {"Describe", "Read", "Write"}
    for name in (*EVENT_TYPES, "tasks.dead-letter"):
        assert grants("knative", "topic", name) == {"Describe", "Write"}
    assert grants("knative", "group", "knative-trigger-task-system-analytics") == {
        "Delete",
        "Describe",
        "Read",
    }
    assert grants("knative", "cluster", "") == {"Describe"}


def test_taskctl_reads_everything_and_writes_its_own_record() -> None:
    reading = {"Describe", "DescribeConfigs", "Read"}
    for name in (*EVENT_TYPES, "tasks.events", "tasks.dead-letter"):
        assert grants("taskctl", "topic", name) == reading
    assert grants("taskctl", "topic", "tasks.dead-letter-state") == reading | {"Write"}
    assert grants("taskctl", "group", "knative-trigger-task-system-analytics") == {"Describe"}
    assert grants("taskctl", "cluster", "") == {"Describe"}


@pytest.mark.parametrize("user", ["knative", "taskctl"])
def test_a_user_may_nothing_elsewhere(user: str) -> None:
    for kind, name in (("topic", "orders"), ("topic", "task"), ("group", "orders"), ("transactionalId", "x")):
        assert grants(user, kind, name) == set()
    assert not {"All", "Create", "Alter", "AlterConfigs", "ClusterAction"} & {
        each[3] for each in allowed(user)
    }
    assert ("topic", "Delete") not in {(each[0], each[3]) for each in allowed(user)}


def test_knative_cannot_touch_the_record_of_dead_letters() -> None:
    assert grants("knative", "topic", "tasks.dead-letter-state") == set()


# --- pods -------------------------------------------------------------------------------------------------


def containers() -> Iterator[tuple[str, Object]]:
    for pool in POOLS:
        for name in ("kafkaContainer", "initContainer"):
            yield f"{pool['metadata']['name']} {name}", pool["spec"]["template"][name]
    spec = cluster()
    for name in ("topicOperatorContainer", "userOperatorContainer"):
        yield name, spec["entityOperator"]["template"][name]
    yield "cruiseControl", spec["cruiseControl"]["template"]["cruiseControlContainer"]
    yield "kafkaExporter", spec["kafkaExporter"]["template"]["container"]


@pytest.mark.parametrize(("name", "container"), list(containers()))
def test_a_container_satisfies_restricted(name: str, container: Object) -> None:
    assert container["securityContext"] == RESTRICTED


def resources() -> Iterator[tuple[str, Object]]:
    spec = cluster()
    yield from ((each["metadata"]["name"], each["spec"]["resources"]) for each in POOLS)
    yield from (
        (name, each["resources"]) for name, each in spec["entityOperator"].items() if name != "template"
    )
    yield from ((name, spec[name]["resources"]) for name in ("cruiseControl", "kafkaExporter"))


@pytest.mark.parametrize(("name", "given"), list(resources()))
def test_a_container_has_a_share_and_a_limit(name: str, given: Object) -> None:
    assert set(given) == {"requests", "limits"}
    for part in given.values():
        assert set(part) == {"cpu", "memory"}


@pytest.mark.parametrize("pool", POOLS, ids=title)
def test_the_heap_leaves_half_of_the_memory_to_the_page_cache(pool: Object) -> None:
    unit = {"m": 1, "g": 1024, "Mi": 1, "Gi": 1024}
    options, memory = pool["spec"]["jvmOptions"], pool["spec"]["resources"]["limits"]["memory"]
    assert options["-Xms"] == options["-Xmx"]
    assert pool["spec"]["resources"]["requests"]["memory"] == memory  # never evicted for it
    assert 2 * int(options["-Xmx"][:-1]) * unit[options["-Xmx"][-1]] <= int(memory[:-2]) * unit[memory[-2:]]


# --- one node ---------------------------------------------------------------------------------------------


def test_one_node_does_everything_with_one_copy() -> None:
    here = single_node()
    pool = named(here, "KafkaNodePool", "broker")["spec"]
    assert [title(each) for each in here if each["kind"] == "KafkaNodePool"] == ["KafkaNodePool/broker"]
    assert (pool["replicas"], sorted(pool["roles"])) == (1, ["broker", "controller"])
    assert pool["storage"]["volumes"][0]["deleteClaim"] is False
    assert "pod" not in pool["template"]  # nothing to be spread
    spec = named(here, "Kafka", "tasks")["spec"]
    counted = {key: value for key, value in spec["kafka"]["config"].items() if "repli" in key or "isr" in key}
    assert set(counted.values()) == {1}
    assert len(counted) == 5
    assert "rack" not in spec["kafka"]
    assert "cruiseControl" not in spec


def test_one_node_is_otherwise_the_cluster_of_production() -> None:
    here = single_node()
    for user in USERS:
        assert named(here, "KafkaUser", user["metadata"]["name"]) == user
    spec = named(here, "Kafka", "tasks")["spec"]
    for key in ("listeners", "authorization", "version", "metadataVersion", "metricsConfig"):
        assert spec["kafka"][key] == kafka()[key]
    assert not [each for each in here if each["kind"] == "KafkaRebalance"]
    for name in ("kafkaContainer", "initContainer"):
        template = named(here, "KafkaNodePool", "broker")["spec"]["template"]
        assert template[name]["securityContext"] == RESTRICTED
