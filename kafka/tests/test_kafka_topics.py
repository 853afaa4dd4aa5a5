"""Topics: defined once, and everything else says the same."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from helm.render import CHART, render

from task_events import EVENT_TYPES

from .kafka_files import DAY, KAFKA, Object, block, objects, one, single_node, topics

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
RECEIVER = 1024 * 1024  # max.request.size of Knative's producers
BATCH_OVERHEAD = 12  # what Kafka counts on top of it


def test_there_is_a_topic_for_everything_the_design_names_and_no_other() -> None:
    wanted = {
        VALUES["broker"]["topic"],
        VALUES["deadLetter"]["topic"],
        f"{VALUES['deadLetter']['topic']}-state",
    }
    assert set(topics()) == wanted | set(EVENT_TYPES)


def test_every_topic_belongs_to_the_cluster_and_has_the_name_of_its_object() -> None:
    for each in objects("kafka-topics.yaml"):
        assert (each["apiVersion"], each["kind"]) == ("kafka.strimzi.io/v1", "KafkaTopic")
        assert each["metadata"]["labels"] == {"strimzi.io/cluster": one("Kafka", "tasks")["metadata"]["name"]}
        assert "topicName" not in each["spec"]
        assert "_" not in each["metadata"]["name"]  # `.` and `_` are the same in a metric's name


def test_the_chart_assumes_the_partitions_and_copies_there_are() -> None:
    broker = topics()[VALUES["broker"]["topic"]]
    assert (broker["partitions"], broker["replicas"]) == (
        VALUES["kafka"]["partitions"],
        VALUES["kafka"]["replicationFactor"],
    )


def test_the_broker_topic_keeps_events_for_seven_days_or_more() -> None:
    config = topics()[VALUES["broker"]["topic"]]["config"]
    assert config["cleanup.policy"] == "delete"
    assert config["retention.ms"] >= 7 * DAY
    assert "retention.bytes" not in config


def test_dead_letters_outlive_the_events_they_were() -> None:
    by_name = topics()
    letters = by_name[VALUES["deadLetter"]["topic"]]["config"]
    assert letters["cleanup.policy"] == "delete"
    assert letters["retention.ms"] > by_name[VALUES["broker"]["topic"]]["config"]["retention.ms"]


@pytest.mark.parametrize("name", [*EVENT_TYPES, VALUES["deadLetter"]["topic"]])
def test_a_task_is_in_the_same_partition_of_every_topic(name: str) -> None:
    assert topics()[name]["partitions"] == topics()[VALUES["broker"]["topic"]]["partitions"]


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_the_topic_of_a_type_keeps_events_as_long_as_the_broker(name: str) -> None:
    broker = topics()[VALUES["broker"]["topic"]]["config"]
    config = topics()[name]["config"]
    assert (config["cleanup.policy"], config["retention.ms"]) == ("delete", broker["retention.ms"])


def test_the_record_of_dead_letters_is_kept_by_key_and_in_one_order() -> None:
    state = topics()[f"{VALUES['deadLetter']['topic']}-state"]
    assert (state["config"]["cleanup.policy"], state["partitions"]) == ("compact", 1)
    assert "retention.ms" not in state["config"]


@pytest.mark.parametrize("name", list(topics()))
def test_a_topic_takes_what_the_receiver_sends_and_deletes_on_time(name: str) -> None:
    config = topics()[name]["config"]
    assert config["max.message.bytes"] == RECEIVER + BATCH_OVERHEAD
    assert config["segment.ms"] <= DAY  # an open segment is neither deleted nor compacted


@pytest.mark.parametrize("name", list(topics()))
def test_a_topic_has_as_many_copies_as_the_cluster_gives_by_default(name: str) -> None:
    config = one("Kafka", "tasks")["spec"]["kafka"]["config"]
    assert topics()[name]["replicas"] == config["default.replication.factor"] > config["min.insync.replicas"]


def test_one_node_has_the_same_topics_with_one_copy() -> None:
    here = {each["metadata"]["name"]: each["spec"] for each in single_node() if each["kind"] == "KafkaTopic"}
    assert here == {name: {**spec, "replicas": 1} for name, spec in topics().items()}


def test_the_sinks_of_the_chart_write_only_to_topics_that_are_here() -> None:
    rendered = [yaml.safe_load(text) for text in render().values()]
    sinks = {each["spec"]["topic"] for each in rendered if each["kind"] == "KafkaSink"}
    assert VALUES["deadLetter"]["topic"] in sinks
    assert sinks <= set(topics())


# --- commands of the pages, run against a program that writes down what it was told -----------------------


def calls(tmp_path: Path, program: str, commands: str) -> list[list[str]]:
    """What the commands tell `program`, word by word."""
    fake, log = tmp_path / program, tmp_path / "calls"
    fake.write_text(f'#!/bin/sh\nfor word in "$@"; do printf "%s\\037" "$word"; done >>{log}\necho >>{log}\n')
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin", "KNATIVE": "sa-1", "KNATIVE_PASSWORD": "x"}
    subprocess.run(["sh", "-eu", "-c", commands], env=path, check=True, timeout=30)
    return [line.split("\037")[:-1] for line in log.read_text().splitlines()]


def created(call: list[str]) -> tuple[str, Object]:
    words = " ".join(call)
    config = re.findall(r"([a-z.]+)=([a-z0-9]+)", words)
    found: Object = {"partitions": int(re.findall(r"--partitions (\d+)", words)[0]), "config": dict(config)}
    replicas = re.findall(r"--replicas (\d+)", words)
    return call[call.index("create") + 1], found | ({"replicas": int(replicas[0])} if replicas else {})


def expected(*, replicas: bool) -> dict[str, Object]:
    return {
        name: {
            "partitions": spec["partitions"],
            "config": {key: str(value) for key, value in spec["config"].items()},
            **({"replicas": spec["replicas"]} if replicas else {}),
        }
        for name, spec in topics().items()
    }


def test_rpk_makes_the_same_topics(tmp_path: Path) -> None:
    told = calls(tmp_path, "rpk", block(KAFKA / "README.md", "topics: rpk"))
    assert dict(map(created, told)) == expected(replicas=True)


def test_the_confluent_command_makes_the_same_topics(tmp_path: Path) -> None:
    told = calls(tmp_path, "confluent", block(KAFKA / "managed" / "README.md", "topics: confluent"))
    assert dict(map(created, told)) == expected(replicas=False)  # three copies, always


def rule(call: list[str]) -> tuple[str, str, bool, tuple[str, ...]]:
    """Kind of resource, its name, whether it is a prefix, operations."""
    flags = dict(zip(call, [*call[1:], ""], strict=True))
    kinds = {"--topic": "topic", "--group": "group", "--consumer-group": "group"}
    kind, name = next(((kinds[flag], flags[flag]) for flag in kinds if flag in flags), ("cluster", ""))
    prefix = "--prefix" in flags or flags.get("--resource-pattern-type") == "prefixed"
    operations = flags.get("--operation") or flags["--operations"]
    return kind, name, prefix, tuple(sorted(operations.split(",")))


@pytest.mark.parametrize(("program", "page"), [("rpk", "README.md"), ("confluent", "managed/README.md")])
def test_knative_may_the_same_everywhere(program: str, page: str, tmp_path: Path) -> None:
    told = calls(tmp_path, program, block(KAFKA / page, f"users: {program}"))
    acls = one("KafkaUser", "knative")["spec"]["authorization"]["acls"]
    assert [rule(call) for call in told if "acl" in call] == [
        (
            acl["resource"]["type"],
            acl["resource"].get("name", ""),
            acl["resource"].get("patternType") == "prefix",
            tuple(sorted(operation.lower() for operation in acl["operations"])),
        )
        for acl in acls
    ]
