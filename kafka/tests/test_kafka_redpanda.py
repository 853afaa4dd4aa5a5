"""Values of the Redpanda chart.

No registry the tests reach has the chart: the keys used stand here, as its 26.2 line documents them.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml
from helm.render import ROOT

from .kafka_files import KAFKA, one, topics

VALUES: dict[str, Any] = yaml.safe_load((KAFKA / "redpanda-values.yaml").read_text())
# Keys of the chart, as far as they are of use here, with the type of each leaf. A key that is not here is refused:
# Helm would take a misspelled one without a word wherever the chart's schema is open.
KNOWN = {
    "console.enabled": bool,
    "logging.usageStats.enabled": bool,
    "external.enabled": bool,
    "tls.enabled": bool,
    "auth.sasl.enabled": bool,
    "auth.sasl.mechanism": str,
    "auth.sasl.secretRef": str,
    "auth.sasl.users": list,
    "auth.sasl.bootstrapUser.mechanism": str,
    "listeners.kafka.port": int,
    "listeners.kafka.authenticationMethod": str,
    "listeners.http.enabled": bool,
    "listeners.schemaRegistry.enabled": bool,
    "rackAwareness.enabled": bool,
    "statefulset.replicas": int,
    "statefulset.budget.maxUnavailable": int,
    "statefulset.podAntiAffinity.type": str,
    "resources.cpu.cores": int,
    "resources.memory.container.min": str,
    "resources.memory.container.max": str,
    "storage.persistentVolume.enabled": bool,
    "storage.persistentVolume.size": str,
    "tuning.tune_aio_events": bool,
    "config.cluster.auto_create_topics_enabled": bool,
    "config.cluster.default_topic_replications": int,
    "config.cluster.minimum_topic_replications": int,
    "config.cluster.kafka_batch_max_bytes": int,
    "config.cluster.group_offset_retention_sec": int,
}


def leaves(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= leaves(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return found


GIVEN = leaves(VALUES)


def test_every_key_is_one_of_the_chart_with_its_type() -> None:
    assert {key: type(value) for key, value in GIVEN.items()} == KNOWN


@pytest.mark.parametrize("key", ["tls.enabled", "auth.sasl.enabled", "storage.persistentVolume.enabled"])
def test_what_protects_is_on(key: str) -> None:
    assert GIVEN[key] is True


@pytest.mark.parametrize(
    "key",
    [
        "external.enabled",
        "logging.usageStats.enabled",
        "console.enabled",
        "listeners.http.enabled",
        "listeners.schemaRegistry.enabled",
        "rackAwareness.enabled",
        "tuning.tune_aio_events",
        "config.cluster.auto_create_topics_enabled",
    ],
)
def test_what_is_not_needed_is_off(key: str) -> None:
    assert GIVEN[key] is False


def test_a_password_is_never_in_the_file() -> None:
    assert (GIVEN["auth.sasl.secretRef"], GIVEN["auth.sasl.users"]) == ("redpanda-users", [])
    assert GIVEN["auth.sasl.mechanism"] == GIVEN["auth.sasl.bootstrapUser.mechanism"] == "SCRAM-SHA-512"
    assert GIVEN["listeners.kafka.authenticationMethod"] == "sasl"


def test_it_is_three_brokers_with_a_copy_each_and_one_may_go() -> None:
    copies = one("Kafka", "tasks")["spec"]["kafka"]["config"]["default.replication.factor"]
    cluster = "config.cluster"
    assert GIVEN["statefulset.replicas"] == GIVEN[f"{cluster}.default_topic_replications"] == copies == 3
    assert GIVEN[f"{cluster}.minimum_topic_replications"] == 3
    assert GIVEN["statefulset.budget.maxUnavailable"] == 1
    assert GIVEN["statefulset.podAntiAffinity.type"] == "hard"


def test_it_keeps_and_takes_what_strimzi_does() -> None:
    kafka = one("Kafka", "tasks")["spec"]["kafka"]["config"]
    assert GIVEN["config.cluster.group_offset_retention_sec"] == kafka["offsets.retention.minutes"] * 60
    assert {GIVEN["config.cluster.kafka_batch_max_bytes"]} == {
        spec["config"]["max.message.bytes"] for spec in topics().values()
    }
    broker = one("KafkaNodePool", "broker")["spec"]["storage"]["volumes"][0]
    assert GIVEN["storage.persistentVolume.size"] == broker["size"]


def test_a_broker_has_two_gibibytes_a_core_and_is_never_evicted() -> None:
    memory = GIVEN["resources.memory.container.max"]
    assert memory == GIVEN["resources.memory.container.min"]
    assert float(memory.removesuffix("Gi")) * 0.8 >= 2 * GIVEN["resources.cpu.cores"]


def test_the_page_installs_the_pinned_chart() -> None:
    pinned = tomllib.loads((ROOT / "versions.toml").read_text())["redpanda"]["chart"]
    page = (KAFKA / "README.md").read_text()
    assert set(re.findall(r"/redpanda/v([0-9.]+)/redpanda-([0-9.]+)\.tgz", page)) == {(pinned, pinned)}
    assert re.findall(r"redpanda\.svc\.cluster\.local:([0-9]+)", page) == [str(GIVEN["listeners.kafka.port"])]
