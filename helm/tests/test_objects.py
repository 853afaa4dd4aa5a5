"""What every rendered object must be, whatever the values."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helm.render import NAMESPACE, RELEASE, render
from task_events import EVENT_TYPES

from .objects import (
    VARIANTS,
    WITHOUT_KAFKA,
    WOKEN_FROM_ZERO,
    Object,
    container,
    environment,
    knative_services,
    of_kind,
    one,
    rendered,
)

every_variant = pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
Values = dict[str, Any]


def workloads(values: Values | None = None) -> list[Object]:
    return [*knative_services(values), *of_kind("Job", values)]


def delivery_is_full(delivery: Object) -> bool:
    return set(delivery) == {"retry", "backoffPolicy", "backoffDelay", "timeout", "deadLetterSink"}


@every_variant
def test_should_name_every_object_and_its_namespace(values: Values) -> None:
    for path, each in rendered(values).items():
        assert each["metadata"]["namespace"] == NAMESPACE, path
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == RELEASE, path


@every_variant
def test_should_leave_traffic_and_revision_names_to_the_roll_out(values: Values) -> None:
    for each in knative_services(values):
        assert "traffic" not in each["spec"]
        assert "name" not in each["spec"]["template"]["metadata"]


@every_variant
def test_should_satisfy_restricted_pod_security_in_every_container(values: Values) -> None:
    for each in workloads(values):
        security = container(each)["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 10_000
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}


@every_variant
def test_should_mount_no_service_account_token_and_use_no_shared_account(values: Values) -> None:
    accounts = {each["metadata"]["name"]: each for each in of_kind("ServiceAccount", values)}
    for each in workloads(values):
        pod = each["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == each["metadata"]["name"]
        assert accounts[pod["serviceAccountName"]]["automountServiceAccountToken"] is False


@every_variant
def test_should_bound_what_every_container_takes(values: Values) -> None:
    for each in workloads(values):
        resources = container(each)["resources"]
        assert set(resources) == {"requests", "limits"}
        assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}


@every_variant
def test_should_take_every_image_from_the_registry_at_the_tag(values: Values) -> None:
    for each in workloads(values):
        name = each["metadata"]["name"].removesuffix("-migrate")
        assert container(each)["image"] == f"registry.example.com/task-system/{name}:0.1.0"
        assert container(each)["imagePullPolicy"] == "IfNotPresent"


def test_should_hand_the_pull_secrets_to_every_pod() -> None:
    for each in workloads({"image": {"pullSecrets": ["a", "b"]}}):
        assert each["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


@every_variant
def test_should_probe_every_service_as_knative_allows(values: Values) -> None:
    for each in knative_services(values):
        (port,) = container(each)["ports"]
        assert port == {"containerPort": 8080}
        # No periodSeconds: Knative then asks every few milliseconds. And nothing that asks for the database.
        assert container(each)["readinessProbe"] == {"httpGet": {"path": "/livez"}}
        assert container(each)["livenessProbe"]["httpGet"] == {"path": "/livez"}
        assert container(each)["startupProbe"]["httpGet"] == {"path": "/readyz"}


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


def test_should_never_let_a_running_service_use_what_helm_deletes_with_a_hook() -> None:
    hooks = {
        each["metadata"]["name"]
        for each in of_kind("ServiceAccount")
        if "helm.sh/hook" in each["metadata"].get("annotations", {})
    }
    used = {each["spec"]["template"]["spec"]["serviceAccountName"] for each in knative_services()}
    assert hooks == {"task-api-migrate", "analytics-migrate"}
    assert not hooks & used


@every_variant
def test_should_spell_out_delivery_on_the_broker_and_every_trigger(values: Values) -> None:
    for each in [*of_kind("Broker", values), *of_kind("Trigger", values)]:
        assert delivery_is_full(each["spec"]["delivery"]), each["metadata"]["name"]
        assert len(each["spec"]["delivery"]["deadLetterSink"]) == 1


def test_should_retry_for_about_17_minutes_by_default() -> None:
    delivery = one("Trigger", "analytics")["spec"]["delivery"]
    assert (delivery["backoffPolicy"], delivery["backoffDelay"]) == ("exponential", "PT0.5S")
    waits = [0.5 * 2**attempt for attempt in range(1, delivery["retry"] + 1)]
    assert 16 * 60 < sum(waits) < 18 * 60


def test_should_keep_the_names_of_triggers() -> None:
    assert [each["metadata"]["name"] for each in of_kind("Trigger")] == ["analytics"]


def test_should_send_every_event_type_and_no_other_family_to_analytics() -> None:
    trigger = one("Trigger", "analytics")
    (only,) = trigger["spec"]["filters"]
    prefix = only["prefix"]["type"]
    assert all(kind.startswith(prefix) for kind in EVENT_TYPES)
    assert prefix.endswith(".")
    assert trigger["spec"]["subscriber"]["ref"]["name"] == "analytics"


def test_should_filter_only_by_an_attribute_every_event_has() -> None:
    for trigger in of_kind("Trigger"):
        for each in trigger["spec"]["filters"]:
            assert {attribute for dialect in each.values() for attribute in dialect} == {"type"}


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


def test_should_do_without_a_kafka_secret() -> None:
    values = {"kafka": {"authSecretName": "", "bootstrapServers": "a:9092,b:9092"}}
    assert "auth.secret.ref.name" not in one("ConfigMap", "tasks-broker", values)["data"]
    sink = one("KafkaSink", "dead-letter", values)["spec"]
    assert "auth" not in sink
    assert sink["bootstrapServers"] == ["a:9092", "b:9092"]


def test_should_render_nothing_of_kafka_for_another_broker_class() -> None:
    objects = rendered(WITHOUT_KAFKA)
    assert not {"eventing/broker-config.yaml", "eventing/sink-dead-letter.yaml"} & set(objects)
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
