from __future__ import annotations

from pathlib import Path

import pytest

from knative_local.errors import UsageError

from .cluster import BROKER, FILES, PROFILE, SERVICE, SINK, plan

_SCALING = "spec.template.metadata.annotations.autoscaling.knative.dev"
_NOWHERE = "the manifests define no such Broker or sink"
_NO_SERVICE = "is neither a Service of the manifests nor a companion of the profile"
_CONTAINER = "spec.template.spec.containers[0]"
_FILTER = "    - exact:\n        type: greeting\n"
_INGRESS = "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/test/events"

# What is replaced, by what, and the path and sentence of the error.
CASES = [
    # unknown and misspelled
    (
        "service",
        "containerConcurrency",
        "containerConcurency",
        "spec.template.spec.containerConcurency",
        "unknown field 'containerConcurency', did you mean 'containerConcurrency'?",
    ),
    ("service", "image:", "imge:", f"{_CONTAINER}.imge", "unknown field 'imge', did you mean 'image'?"),
    (
        "service",
        "min-scale",
        "minscale",
        f"{_SCALING}/minscale",
        "unknown key 'autoscaling.knative.dev/minscale', did you mean 'autoscaling.knative.dev/min-scale'?",
    ),
    (
        "trigger",
        "retry:",
        "retries:",
        "spec.delivery.retries",
        "unknown field 'retries', did you mean 'retry'?",
    ),
    (
        "service",
        "kind: Service",
        "kind: Servce",
        "kind",
        "'Servce' (serving.knative.dev/v1) does not run on a laptop, did you mean 'Service'?",
    ),
    (
        "service",
        "serving.knative.dev/v1\n",
        "serving.knative.dev/v1beta1\n",
        "apiVersion",
        "Service is understood as serving.knative.dev/v1 or v1, not serving.knative.dev/v1beta1",
    ),
    (
        "job",
        "apiVersion: batch/v1\n",
        "",
        "document",
        "is not a Kubernetes object: apiVersion and kind are missing",
    ),
    (
        "broker",
        "default.topic.partitions",
        "default.topic.partition",
        "data.default.topic.partition",
        "unknown key 'default.topic.partition', did you mean 'default.topic.partitions'?",
    ),
    # types
    (
        "service",
        "containerConcurrency: 10",
        "containerConcurrency: many",
        "spec.template.spec.containerConcurrency",
        "Expected `int`, got `str`",
    ),
    (
        "service",
        'min-scale: "0"',
        "min-scale: 0",
        f"{_SCALING}/min-scale",
        "Expected `str | null`, got `int`",
    ),
    ("trigger", "retry: 3", "retry: -1", "spec.delivery.retry", "-1 is less than 0"),
    ("job", "- image: hello\n", "- name: hello\n", _CONTAINER, "Object missing required field `image`"),
    ("service", "name: hello\n", "name: Hello_1\n", "metadata.name", "'Hello_1' is not a Kubernetes name"),
    # what cannot be obeyed
    (
        "service",
        "spec:\n  template:",
        "spec:\n  traffic: []\n  template:",
        "spec.traffic",
        "one revision runs here, the one in the manifest: traffic cannot be split",
    ),
    (
        "service",
        "    spec:\n",
        "    spec:\n      volumes:\n        - name: v\n          secret: {}\n",
        "spec.template.spec.volumes[0].secret",
        "a process cannot be given a file at a container's path; pass it as an environment variable",
    ),
    (
        "service",
        "        httpGet:\n              path: /ready",
        "        exec:\n              command: [x]",
        f"{_CONTAINER}.readinessProbe.exec",
        "a probe inside the container has no place here; use httpGet or tcpSocket",
    ),
    (
        "service",
        '/min-scale: "0"',
        "/class: keda.autoscaling.knative.dev",
        f"{_SCALING}/class",
        "'keda.autoscaling.knative.dev' is neither kpa.autoscaling.knative.dev nor hpa.autoscaling.knative.dev",
    ),
    (
        "service",
        "  namespace: test\n",
        "  namespace: test\n  annotations: {autoscaling.knative.dev/min-scale: '1'}\n",
        "metadata.annotations.autoscaling.knative.dev/min-scale",
        "has no effect on a Service in Knative either: it belongs into spec.template.metadata.annotations",
    ),
    (
        "trigger",
        _FILTER,
        "    - cesql: type = 'x'\n",
        "spec.filters[0].cesql",
        "CESQL is not spoken here; write it with exact, prefix, suffix, all, any, not",
    ),
    (
        "broker",
        "broker.class: Kafka",
        "broker.class: MTChannelBasedBroker",
        "metadata.annotations.eventing.knative.dev/broker.class",
        "only class Kafka runs here, not 'MTChannelBasedBroker'",
    ),
    # values
    ("service", 'min-scale: "0"', "window: 60", f"{_SCALING}/window", "Expected `str | null`, got `int`"),
    (
        "service",
        'min-scale: "0"',
        "window: 60 seconds",
        f"{_SCALING}/window",
        "'60 seconds' is not a duration such as 30s or 1m30s",
    ),
    ("service", 'min-scale: "0"', "window: 5s", f"{_SCALING}/window", "'5s' is not between 6 and 3600"),
    (
        "service",
        'min-scale: "0"',
        "metric: cpu",
        f"{_SCALING}/metric",
        "'cpu' is neither concurrency nor rps",
    ),
    ("service", 'min-scale: "0"', 'max-scale: "few"', f"{_SCALING}/max-scale", "'few' is not an integer"),
    (
        "service",
        "containerConcurrency: 10",
        "containerConcurrency: 1001",
        "spec.template.spec.containerConcurrency",
        "1001 is not between 0 and 1000",
    ),
    (
        "trigger",
        "PT0.5S",
        "500ms",
        "spec.delivery.backoffDelay",
        "'500ms' is not an ISO 8601 duration such as PT0.5S or PT10M",
    ),
    (
        "trigger",
        _FILTER,
        "    - exact:\n        type: a\n      prefix:\n        type: b\n",
        "spec.filters[0]",
        "one dialect per element, not 2",
    ),
    (
        "trigger",
        "type: greeting",
        "Type: greeting",
        "spec.filters[0].exact.Type",
        "'Type' is not a CloudEvents attribute name",
    ),
    (
        "trigger",
        "spec:\n",
        "  annotations:\n    kafka.eventing.knative.dev/delivery.order: sorted\nspec:\n",
        "metadata.annotations.kafka.eventing.knative.dev/delivery.order",
        "'sorted' is neither ordered nor unordered",
    ),
    ("ping", "*/10 * * * *", "every day", "spec.schedule", "'every day' is not a schedule"),
    (
        "ping",
        "spec:\n",
        "spec:\n  timezone: Mars/Olympus\n",
        "spec.timezone",
        "'Mars/Olympus' is not a timezone",
    ),
    (
        "broker",
        'partitions: "4"',
        'partitions: "0"',
        "data.default.topic.partitions",
        "'0' is not a positive number",
    ),
    ("service", "name: GREETING", "name: PORT", f"{_CONTAINER}.env[0].name", "PORT is set by Knative"),
    (
        "service",
        "          readinessProbe:\n            httpGet:\n",
        "          readinessProbe:\n            httpGet:\n              port: 9999\n",
        f"{_CONTAINER}.readinessProbe.httpGet.port",
        "'9999' is not the container's port",
    ),
    (
        "job",
        "      containers:\n",
        "      containers:\n        - image: hello\n",
        "spec.template.spec.containers",
        "one container runs here, not 2",
    ),
    # references
    (
        "trigger",
        "broker: events",
        "broker: event",
        "spec.broker",
        "there is no Broker 'event' in namespace test, did you mean 'events'?",
    ),
    (
        "trigger",
        "name: dead",
        "name: death",
        "spec.delivery.deadLetterSink.ref.name",
        "there is no KafkaSink 'death' in namespace test, did you mean 'dead'?",
    ),
    (
        "trigger",
        "kind: KafkaSink",
        "kind: Channel",
        "spec.delivery.deadLetterSink.ref.kind",
        "'Channel' takes no events here",
    ),
    (
        "broker",
        "    name: broker-config\n---",
        "    name: broker-conf\n---",
        "spec.config.name",
        "there is no ConfigMap 'broker-conf' in namespace test, did you mean 'broker-config'?",
    ),
    (
        "service",
        "key: url",
        "key: ulr",
        f"{_CONTAINER}.env[1].valueFrom.secretKeyRef.key",
        "Secret 'database' has no key 'ulr', did you mean 'url'?",
    ),
    (
        "service",
        "name: database\n",
        "name: data-base\n",
        f"{_CONTAINER}.env[1].valueFrom.secretKeyRef.name",
        "the profile has no [secrets.data-base], did you mean 'database'?",
    ),
    (
        "service",
        _INGRESS,
        "http://elsewhere.test.svc.cluster.local",
        f"{_CONTAINER}.env[2].value",
        f"http://elsewhere.test.svc.cluster.local {_NO_SERVICE}",
    ),
    (
        "service",
        _INGRESS,
        _INGRESS.replace("events", "event"),
        f"{_CONTAINER}.env[2].value",
        f"kafka-broker-ingress.knative-eventing has no '/test/event' here: {_NOWHERE}",
    ),
    (
        "service",
        _INGRESS,
        "kafka.kafka.svc.cluster.local:9092",
        f"{_CONTAINER}.env[2].value",
        "kafka.kafka.svc.cluster.local does not exist on this machine",
    ),
    (
        "service",
        "team/hello:1.0",
        "team/helo:1.0",
        f"{_CONTAINER}.image",
        "no program 'helo' beside this Python and no entry in the profile's [images], did you mean 'hello'?",
    ),
    (
        "service",
        "        - image",
        "        - command: [no-such-program]\n          image",
        f"{_CONTAINER}.command",
        "there is no program 'no-such-program' on this machine",
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "path", "reason"), CASES)
def test_what_cannot_be_obeyed_is_refused_with_its_place(
    tmp_path: Path, name: str, old: str, new: str, path: str, reason: str
) -> None:
    spoilt = FILES[name].replace(old, new, 1)
    assert spoilt != FILES[name]

    with pytest.raises(UsageError) as refusal:
        plan(tmp_path, **{name: spoilt})

    place, _, sentence = str(refusal.value).partition(": ")
    file, _, line = place.rpartition(":")
    assert file == str(tmp_path / "manifests" / f"{name}.yaml")
    assert sentence == f"{path}: {reason}"
    assert refusal.value.exit_code == 2
    assert 1 <= int(line) <= spoilt.count("\n") + 1


def test_the_line_is_the_one_of_the_field(tmp_path: Path) -> None:
    spoilt = SERVICE.replace("containerConcurrency: 10", "containerConcurrency: ten")

    with pytest.raises(
        UsageError, match=f"service.yaml:{spoilt[: spoilt.index('ten')].count(chr(10)) + 1}: "
    ):
        plan(tmp_path, service=spoilt)


def test_the_line_in_a_second_document_counts_from_the_top_of_the_file(tmp_path: Path) -> None:
    spoilt = BROKER.replace('"4"', '"four"')

    with pytest.raises(
        UsageError, match=f"broker.yaml:{spoilt[: spoilt.index('four')].count(chr(10)) + 1}: "
    ):
        plan(tmp_path, broker=spoilt)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: [", "is not YAML: "),
        ("a: 1\na: 2\n", "a: is given twice in the same place"),
        ("- just\n- a list\n", "is not a Kubernetes object"),
        ("\x00", "is not YAML: "),
    ],
)
def test_what_is_not_a_manifest_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        plan(tmp_path, service=text)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "zz.yaml").write_bytes(b"kind: \xff\xfe")

    with pytest.raises(UsageError, match=r"zz\.yaml:1: document: is not UTF-8 text"):
        plan(tmp_path)


def test_an_object_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"metadata\.name: 'dead' is already in .*sink\.yaml"):
        plan(tmp_path, zz=SINK)


def test_equal_names_in_two_namespaces_are_refused_because_logs_are_kept_by_name(tmp_path: Path) -> None:
    other = SERVICE.replace("namespace: test", "namespace: other")

    with pytest.raises(UsageError, match="there is a Service 'hello' in another namespace"):
        plan(tmp_path, zz=other)


def test_a_manifest_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: no such manifest folder"):
        plan(tmp_path, profile=PROFILE.replace('["manifests"]', '["nowhere"]'))


def test_nothing_of_the_right_manifests_is_refused(tmp_path: Path) -> None:
    complete = plan(tmp_path)

    assert [service.name for service in complete.services] == ["hello"]
    assert [job.program.name for job in complete.jobs] == ["migrate"]
    assert (len(complete.contract.triggers), len(complete.contract.pings)) == (1, 1)
