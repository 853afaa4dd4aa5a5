"""What the objects say for given values; what is true of them whatever the values is in helm/gates/invariants."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helm.render import NAMESPACE, RELEASE, render
from task_events import EVENT_TYPES, EventType

from .objects import (
    EVERYTHING,
    ON_CPU,
    WITHOUT_KAFKA,
    WOKEN_FROM_ZERO,
    Object,
    container,
    environment,
    knative_services,
    merged,
    of_kind,
    one,
    rendered,
)

every_variant = pytest.mark.parametrize("values", EVERYTHING.values(), ids=EVERYTHING.keys())
Values = dict[str, Any]
# An issuer and a claim belong to the cluster; an Ingress leads to Services of its own namespace only.
ELSEWHERE: dict[str, str | None] = {
    "knative/clusterdomainclaim-api.yaml": None,
    "knative/clusterissuer-acme.yaml": None,
    "knative/clusterissuer-letsencrypt-production.yaml": None,
    "knative/clusterissuer-letsencrypt-staging.yaml": None,
    "knative/ingress-api.yaml": "knative-serving",
}


def workloads(values: Values | None = None) -> list[Object]:
    return [*knative_services(values), *of_kind("Job", values), *of_kind("Deployment", values)]


@every_variant
def test_should_name_every_object_and_its_namespace(values: Values) -> None:
    for path, each in rendered(values).items():
        assert each["metadata"].get("namespace") == ELSEWHERE.get(path, NAMESPACE), path
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == RELEASE, path


@every_variant
def test_should_take_every_image_from_the_registry_at_the_tag(values: Values) -> None:
    for each in workloads(values):
        name = each["metadata"]["name"].removesuffix("-migrate")
        assert container(each)["image"] == f"registry.example.com/task-system/{name}:0.1.0"
        assert container(each)["imagePullPolicy"] == "IfNotPresent"


def test_should_hand_the_pull_secrets_to_every_pod() -> None:
    optional = {"issuer": {"enabled": True}, "dashboard": {"enabled": True}}
    for each in workloads({"image": {"pullSecrets": ["a", "b"]}, **optional}):
        assert each["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


@every_variant
def test_should_probe_every_service_as_knative_allows(values: Values) -> None:
    for each in knative_services(values):
        (port,) = container(each)["ports"]
        assert port == {"containerPort": 8080}
        # No periodSeconds: Knative then asks every few milliseconds. And nothing that asks for the database.
        assert container(each)["readinessProbe"] == {"httpGet": {"path": "/livez"}}
        assert container(each)["livenessProbe"]["httpGet"] == {"path": "/livez"}
        # Knative fills in the port of the other two only (serving 1.23, deploy.go); without it the pod is refused.
        assert container(each)["startupProbe"]["httpGet"] == {"path": "/readyz", "port": 8080}


def test_should_let_the_cluster_only_post_to_analytics() -> None:
    visibility = {
        each["metadata"]["name"]: each["metadata"]["labels"].get("networking.knative.dev/visibility")
        for each in knative_services()
    }
    assert visibility == {"task-api": None, "analytics": "cluster-local"}


def test_should_scale_analytics_to_zero_and_keep_one_task_api() -> None:
    scale = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["annotations"][
            "autoscaling.knative.dev/min-scale"
        ]
        for each in knative_services()
    }
    assert scale == {"task-api": "1", "analytics": "0"}


@pytest.mark.parametrize("service", ["taskApi", "analytics"])
def test_should_make_an_annotation_of_every_autoscaling_value(service: str) -> None:
    other = {
        "minScale": 2,
        "maxScale": 7,
        "target": 33,
        "targetUtilizationPercentage": 44,
        "targetBurstCapacity": 55,
        "window": "66s",
        "scaleDownDelay": "77s",
    }
    name = {"taskApi": "task-api"}.get(service, service)
    manifest = one("Service", name, {service: {"autoscaling": other}})
    annotations = manifest["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {
        "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
        "autoscaling.knative.dev/metric": "concurrency",
        **{
            "autoscaling.knative.dev/" + re.sub("([A-Z])", r"-\1", key).lower(): str(value)
            for key, value in other.items()
        },
    }


def test_should_give_the_hpa_class_only_what_it_knows() -> None:
    """Knative's HPA class reads bounds, metric and target; the rest would look like a setting and be none."""
    other = {"minScale": 2, "maxScale": 7, "cpuUtilization": 250, "target": 33, "window": "66s"}
    values = merged(ON_CPU, {"taskApi": {"autoscaling": other}})
    assert one("Service", "task-api", values)["spec"]["template"]["metadata"]["annotations"] == {
        "autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev",
        "autoscaling.knative.dev/metric": "cpu",
        "autoscaling.knative.dev/min-scale": "2",
        "autoscaling.knative.dev/max-scale": "7",
        "autoscaling.knative.dev/target": "250",
    }
    assert one("Service", "analytics", values) == one("Service", "analytics")


def test_should_run_migrations_before_the_services_with_an_account_of_their_own() -> None:
    for job in of_kind("Job"):
        annotations = job["metadata"]["annotations"]
        account = one("ServiceAccount", job["spec"]["template"]["spec"]["serviceAccountName"])
        assert container(job)["args"] == ["migrate"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert account["metadata"]["annotations"]["helm.sh/hook"] == annotations["helm.sh/hook"]
        assert int(account["metadata"]["annotations"]["helm.sh/hook-weight"]) < int(
            annotations["helm.sh/hook-weight"]
        )


def test_should_retry_for_about_17_minutes_by_default() -> None:
    delivery = one("Trigger", "analytics")["spec"]["delivery"]
    assert (delivery["backoffPolicy"], delivery["backoffDelay"]) == ("exponential", "PT0.5S")
    waits = [0.5 * 2**attempt for attempt in range(1, delivery["retry"] + 1)]
    assert 16 * 60 < sum(waits) < 18 * 60


def test_should_keep_the_names_of_triggers() -> None:
    assert sorted(each["metadata"]["name"] for each in of_kind("Trigger")) == [
        "analytics",
        "task-completed",
        "task-created",
        "task-deleted",
        "task-updated",
    ]


def test_should_copy_every_event_type_into_the_topic_of_its_name() -> None:
    copied = [each for each in of_kind("Trigger") if each["metadata"]["name"] != "analytics"]
    topics: dict[str, str] = {}
    for trigger in copied:
        ((dialect, filtered),) = trigger["spec"]["filters"][0].items()
        reference = trigger["spec"]["subscriber"]["ref"]
        assert (dialect, len(trigger["spec"]["filters"]), reference["kind"]) == ("exact", 1, "KafkaSink")
        assert reference["name"] == trigger["metadata"]["name"] == filtered["type"].replace(".", "-")
        topics[filtered["type"]] = one("KafkaSink", reference["name"])["spec"]["topic"]
    assert topics == {kind.value: kind.value for kind in EventType}
    assert set(topics) == set(EVENT_TYPES)


def test_should_keep_a_tasks_events_in_order_in_the_topics_and_not_wait_for_order_to_count() -> None:
    order = "kafka.eventing.knative.dev/delivery.order"
    orders = {each["metadata"]["name"]: each["metadata"]["annotations"][order] for each in of_kind("Trigger")}
    assert orders.pop("analytics") == "unordered"
    assert set(orders.values()) == {"ordered"}


def test_should_fill_topics_with_the_bare_contract_and_never_own_them() -> None:
    sinks = of_kind("KafkaSink")
    assert len(sinks) == len(EVENT_TYPES) + 1
    for sink in sinks:
        assert sink["spec"]["contentMode"] == "binary"  # structured would wrap the data
        # With both of them Knative creates the topic, and deletes it together with the sink.
        assert not {"numPartitions", "replicationFactor"} & set(sink["spec"])


def test_should_send_every_event_type_and_no_other_family_to_analytics() -> None:
    trigger = one("Trigger", "analytics")
    (only,) = trigger["spec"]["filters"]
    prefix = only["prefix"]["type"]
    assert all(kind.startswith(prefix) for kind in EVENT_TYPES)
    assert prefix.endswith(".")
    assert trigger["spec"]["subscriber"]["ref"]["name"] == "analytics"


def test_should_stand_on_an_external_topic_and_a_configured_kafka() -> None:
    broker = one("Broker", "tasks")
    assert broker["metadata"]["annotations"] == {
        "eventing.knative.dev/broker.class": "Kafka",
        "kafka.eventing.knative.dev/external.topic": "tasks.events",
    }
    config = one("ConfigMap", broker["spec"]["config"]["name"])
    assert config["data"] == {
        "bootstrap.servers": "tasks-kafka-bootstrap.kafka.svc.cluster.local:9093",
        "default.topic.partitions": "10",
        "default.topic.replication.factor": "3",
        "auth.secret.ref.name": "task-system-kafka",
    }


def test_should_keep_dead_letters_in_a_topic_as_they_were() -> None:
    sink = one("KafkaSink", "dead-letter")["spec"]
    assert (sink["topic"], sink["contentMode"]) == ("tasks.dead-letter", "binary")
    reference = one("Trigger", "analytics")["spec"]["delivery"]["deadLetterSink"]["ref"]
    assert (reference["kind"], reference["name"]) == ("KafkaSink", "dead-letter")


def test_should_hand_the_kafka_secret_and_addresses_to_every_sink() -> None:
    for sink in of_kind("KafkaSink", {"kafka": {"authSecretName": "x", "bootstrapServers": "a:1,b:2"}}):
        assert sink["spec"]["auth"] == {"secret": {"ref": {"name": "x"}}}
        assert sink["spec"]["bootstrapServers"] == ["a:1", "b:2"]


def test_should_do_without_a_kafka_secret() -> None:
    values = {"kafka": {"authSecretName": "", "bootstrapServers": "a:9092,b:9092"}}
    assert "auth.secret.ref.name" not in one("ConfigMap", "tasks-broker", values)["data"]
    sink = one("KafkaSink", "dead-letter", values)["spec"]
    assert "auth" not in sink
    assert sink["bootstrapServers"] == ["a:9092", "b:9092"]


def test_should_render_nothing_of_kafka_for_another_broker_class() -> None:
    objects = rendered(WITHOUT_KAFKA)
    assert {path for path in objects if path.startswith("eventing/")} == {
        "eventing/broker.yaml",
        "eventing/trigger-analytics.yaml",
    }
    data = [text for path, text in render(WITHOUT_KAFKA).items() if path.startswith("eventing/")]
    bare = re.sub(r"#.*", "", "".join(data))  # the comments may speak of it
    assert "kafka" not in bare.lower()
    assert "config" not in objects["eventing/broker.yaml"]["spec"]


@pytest.mark.parametrize(
    ("place", "sink"),
    [
        (
            {"service": "recorder"},
            {"ref": {"apiVersion": "v1", "kind": "Service", "name": "recorder", "namespace": NAMESPACE}},
        ),
        ({"uri": "https://dead.example/letters"}, {"uri": "https://dead.example/letters"}),
    ],
    ids=["service", "uri"],
)
def test_should_send_dead_letters_where_told_without_kafka(place: Values, sink: Object) -> None:
    trigger = one("Trigger", "analytics", {**WITHOUT_KAFKA, "deadLetter": place})
    assert trigger["spec"]["delivery"]["deadLetterSink"] == sink


@pytest.mark.parametrize(
    ("values", "ingress"), [({}, "kafka-broker-ingress"), (WITHOUT_KAFKA, "broker-ingress")], ids=str
)
def test_should_point_the_relay_at_the_ingress_of_the_broker_class(values: Values, ingress: str) -> None:
    sink = environment(one("Service", "task-api", values))["K_SINK"]["value"]
    broker = one("Broker", "tasks", values)["metadata"]
    assert (
        sink == f"http://{ingress}.knative-eventing.svc.cluster.local/{broker['namespace']}/{broker['name']}"
    )


def test_should_wake_the_relay_only_when_the_api_may_be_at_zero() -> None:
    assert of_kind("PingSource") == []
    (ping,) = of_kind("PingSource", WOKEN_FROM_ZERO)
    assert ping["spec"]["schedule"] == "*/10 * * * *"
    assert ping["spec"]["sink"]["ref"]["name"] == "task-api"
    assert ping["spec"]["sink"]["uri"] == "/relay"


def test_should_take_database_urls_from_the_secret_only() -> None:
    for each in workloads():
        source = environment(each)["DATABASE_URL"]["valueFrom"]["secretKeyRef"]
        assert source == {"name": "task-system-database", "key": "url"}
    for job in of_kind("Job"):
        source = environment(job)["DATABASE_DIRECT_URL"]["valueFrom"]["secretKeyRef"]
        assert source == {"name": "task-system-database", "key": "direct-url", "optional": True}
