"""Topics and rights as a real Kafka of the pinned version takes them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from helm.gates.finding import GateError
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.consumer import KafkaConsumer
from kafka.errors import (
    ClusterAuthorizationFailedError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    InvalidConfigurationError,
    NotCoordinatorError,
    TopicAuthorizationFailedError,
)
from kafka.producer import KafkaProducer
from kafka.structs import TopicPartition

from .kafka_files import absent, named, one, single_node, topics
from .real_kafka import ADMIN, PASSWORD, credentials, installed, running

# One Kafka for all of them; the first start downloads it.
pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(300)]
USERS = {"knative": "knative-secret", "taskctl": "taskctl-secret"}
WRONG = [("retention.mss", "1"), ("cleanup.policy", "remove"), ("segment.ms", "1d")]
COORDINATOR_COMES = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
GROUP = "knative-trigger-task-system-analytics"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A Kafka with the broker settings of single-node/, the topics, and the rights of the KafkaUsers."""
    settings = named(single_node(), "Kafka", "tasks")["spec"]["kafka"]["config"]
    try:
        command = installed()
    except GateError as error:
        absent(str(error))
        raise
    with running(command, settings, USERS) as port, admin_of(ADMIN, port) as admin:
        admin.create_topics(
            {
                name: {
                    "num_partitions": spec["partitions"],
                    "replication_factor": 1,
                    "configs": {key: str(value) for key, value in spec["config"].items()},
                }
                for name, spec in topics().items()
            },
            wait_for_metadata=True,
        )
        allow(admin, [acl for user in USERS for acl in acls(user)])
        wait_for_groups(admin)
        yield port


def allow(admin: KafkaAdminClient, rules: list[ACL]) -> None:
    """Until the broker goes by them: it answers before it does."""
    assert not admin.create_acls(rules)["failed"]
    everything = ACLFilter(
        None,
        None,
        ACLOperation.ANY,
        ACLPermissionType.ANY,
        ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
    deadline = time.monotonic() + 30
    while len(admin.describe_acls(everything)[0]) < len(rules):
        assert time.monotonic() < deadline, "The rules do not come into force."
        time.sleep(0.1)


def wait_for_groups(admin: KafkaAdminClient) -> None:
    """The first question about a group makes the topic of their offsets; until it is there, nobody answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            admin.list_group_offsets(["first"])
        except COORDINATOR_COMES:
            assert time.monotonic() < deadline, "No group has a coordinator."
            time.sleep(0.1)
        else:
            return


def acls(user: str) -> Iterator[ACL]:
    """As Strimzi's user operator makes them."""
    for rule in one("KafkaUser", user)["spec"]["authorization"]["acls"]:
        resource = rule["resource"]
        prefixed = resource.get("patternType") == "prefix"
        pattern = ResourcePattern(
            ResourceType[resource["type"].upper()],
            resource.get("name", "kafka-cluster"),
            ACLResourcePatternType.PREFIXED if prefixed else ACLResourcePatternType.LITERAL,
        )
        for operation in rule["operations"]:
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()
            yield ACL(f"User:{user}", "*", ACLOperation[name], ACLPermissionType.ALLOW, pattern)


@contextmanager
def admin_of(user: str, port: int) -> Iterator[KafkaAdminClient]:
    with closing(KafkaAdminClient(**credentials(user, {ADMIN: PASSWORD, **USERS}[user], port))) as admin:
        yield admin


@contextmanager
def consumer_of(user: str, port: int, group: str | None, topic: str) -> Iterator[KafkaConsumer]:
    settings = credentials(user, USERS[user], port) | {"group_id": group, "enable_auto_commit": False}
    with closing(KafkaConsumer(**settings, auto_offset_reset="earliest")) as consumer:
        if group:
            consumer.subscribe([topic])
        else:
            partitions = range(topics()[topic]["partitions"])
            consumer.assign([TopicPartition(topic, partition) for partition in partitions])
        yield consumer


def send(user: str, port: int, topic: str, value: bytes) -> None:
    """As Knative's receiver: acknowledged by all, once per event."""
    producer = KafkaProducer(
        **credentials(user, USERS[user], port),
        acks="all",
        enable_idempotence=True,
        max_request_size=2 * 1024 * 1024,
        max_block_ms=20_000,
    )
    try:
        producer.send(topic, key=b"1", value=value).get(timeout=30)
    finally:
        producer.close(timeout=5)


# --- topics -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(topics()))
def test_kafka_keeps_every_setting_of_a_topic(name: str, port: int) -> None:
    with admin_of(ADMIN, port) as admin:
        wanted = ConfigResource(ConfigResourceType.TOPIC, name)
        found = admin.describe_configs([wanted], config_filter="all")["topic"][name]
        (described,) = admin.describe_topics([name])
    config = topics()[name]["config"]
    assert {key: found[key]["value"] for key in config} == {key: str(value) for key, value in config.items()}
    assert len(described["partitions"]) == topics()[name]["partitions"]


@pytest.mark.parametrize(
    ("key", "value"), [("retention.mss", "1"), ("cleanup.policy", "remove"), ("segment.ms", "1d")]
)
def test_kafka_refuses_a_setting_that_is_none(key: str, value: str, port: int) -> None:
    with admin_of(ADMIN, port) as admin, pytest.raises(InvalidConfigurationError):
        admin.create_topics(
            {"wrong": {"num_partitions": 1, "replication_factor": 1, "configs": {key: value}}}
        )


def test_kafka_works_with_the_settings_of_the_cluster(port: int) -> None:
    with admin_of(ADMIN, port) as admin:
        broker = ConfigResource(ConfigResourceType.BROKER, "1")
        found = admin.describe_configs([broker], config_filter="all")["broker"]["1"]
    for key, value in named(single_node(), "Kafka", "tasks")["spec"]["kafka"]["config"].items():
        assert found[key]["value"] == str(value).lower(), key


# --- Knative ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["tasks.events", "task.created", "task.deleted", "tasks.dead-letter"])
def test_knative_writes_what_its_producer_can_send(topic: str, port: int) -> None:
    send("knative", port, topic, b"x" * (1024 * 1024 - 200))  # Knative counts headers and key, too


def test_knative_reads_commits_and_cleans_up_after_a_trigger(port: int) -> None:
    send("knative", port, "tasks.events", b"event")
    with consumer_of("knative", port, GROUP, "tasks.events") as consumer:
        assert consumer.poll(timeout_ms=30_000)
        consumer.commit()
    with admin_of("knative", port) as admin:
        assert admin.list_group_offsets([GROUP])[GROUP]
        assert admin.describe_groups([GROUP])
        deleted = admin.delete_groups([GROUP])
    assert deleted == {GROUP: "OK"}


def test_knative_makes_and_removes_no_topic(port: int) -> None:
    with admin_of("knative", port) as admin:
        with pytest.raises((TopicAuthorizationFailedError, ClusterAuthorizationFailedError)):
            admin.create_topics({"task.other": {"num_partitions": 1, "replication_factor": 1}})
        with pytest.raises(TopicAuthorizationFailedError):
            admin.delete_topics(["tasks.events"])


def test_knative_reads_no_dead_letter(port: int) -> None:
    with (
        consumer_of("knative", port, None, "tasks.dead-letter") as consumer,
        pytest.raises(TopicAuthorizationFailedError),
    ):
        consumer.poll(timeout_ms=20_000)


def test_knative_has_no_group_but_its_own(port: int) -> None:
    with (
        consumer_of("knative", port, "orders", "tasks.events") as consumer,
        pytest.raises(GroupAuthorizationFailedError),
    ):
        consumer.poll(timeout_ms=20_000)


# --- taskctl ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["tasks.events", "task.completed", "tasks.dead-letter"])
def test_taskctl_writes_no_event(topic: str, port: int) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        send("taskctl", port, topic, b"forged")


def test_taskctl_reads_dead_letters_and_keeps_its_record(port: int) -> None:
    send("knative", port, "tasks.dead-letter", b"letter")
    with consumer_of("taskctl", port, None, "tasks.dead-letter") as consumer:
        assert consumer.poll(timeout_ms=30_000)
    send("taskctl", port, "tasks.dead-letter-state", b"discarded")


def test_taskctl_sees_settings_and_lag(port: int) -> None:
    with admin_of("taskctl", port) as admin:
        wanted = ConfigResource(ConfigResourceType.TOPIC, "tasks.events")
        assert (
            admin.describe_configs([wanted])["topic"]["tasks.events"]["retention.ms"]["value"] == "604800000"
        )
        assert "knative-trigger-seen" in admin.list_group_offsets(["knative-trigger-seen"])
