"""Values: a sentence and a constraint for each, and no contradictions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import helm_python
import jsonschema
import pytest
import yaml

from helm.gates.environments import documented
from helm.render import CHART, RenderError, render, templates
from helm.values import README, readme, schema

from .objects import EVERYTHING, ON_CPU, WITHOUT_KAFKA, merged

DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
Path = tuple[str, ...]


def leaves(values: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def folders(values: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    yield path
    for key, value in values.items():
        if isinstance(value, dict):
            yield from folders(value, (*path, key))


def nested(path: Path, value: object) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def test_should_ship_the_schema_of_its_values() -> None:
    assert json.loads((CHART / "values.schema.json").read_text()) == schema()


def test_should_ship_a_valid_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


def test_should_describe_every_key_in_a_sentence() -> None:
    for path in [*folders(DEFAULTS), *(path for path, _ in leaves(DEFAULTS))]:
        described = schema()
        for key in path:
            described = described["properties"][key]
        if path:
            assert described["description"].endswith("."), ".".join(path)


def test_should_list_every_value_with_its_default_in_the_readme() -> None:
    text = README.read_text()
    for path, value in leaves(DEFAULTS):
        assert f"| `{'.'.join(path)}` | `{json.dumps(value)}` |" in text


def test_should_not_write_a_readme_that_lost_its_marks() -> None:
    with pytest.raises(RenderError, match="has lost a mark"):
        readme("# The chart\n")


@pytest.mark.parametrize("path", list(folders(DEFAULTS)), ids=".".join)
def test_should_refuse_a_misspelled_key(path: Path) -> None:
    with pytest.raises(RenderError, match="additional properties 'typo' not allowed"):
        render(nested((*path, "typo"), 1))


@pytest.mark.parametrize("path", [path for path, _ in leaves(DEFAULTS)], ids=".".join)
def test_should_refuse_another_type(path: Path) -> None:
    with pytest.raises(RenderError, match=rf"at '/{'/'.join(path)}'"):
        templates(nested(path, {"not": "a scalar"}))


@pytest.mark.parametrize("path", [path for path, _ in leaves(DEFAULTS)], ids=".".join)
def test_should_refuse_a_value_taken_away(path: Path) -> None:
    with pytest.raises(RenderError, match=f"missing property '{path[-1]}'"):
        templates(nested(path, None))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image.tag", "latest"),
        ("image.tag", ""),
        ("image.registry", "https://registry.example.com"),
        ("image.pullPolicy", "Sometimes"),
        ("logLevel", "debug"),
        ("oidc.issuer", "issuer.example"),
        ("taskApi.publicUrl", "api.example"),
        ("taskApi.timeoutSeconds", 30),
        ("taskApi.autoscaling.minScale", -1),
        ("taskApi.autoscaling.targetUtilizationPercentage", 101),
        ("taskApi.autoscaling.window", "1 minute"),
        ("taskApi.resources.limits.memory", "384M"),
        ("analytics.containerConcurrency", 1001),
        ("broker.class", "KafkaNamespaced"),
        ("broker.topic", "tasks events"),
        ("kafka.bootstrapServers", "kafka"),
        ("kafka.partitions", 0),
        ("delivery.retry", 17),
        ("delivery.backoffPolicy", "random"),
        ("delivery.backoffDelay", "0.5s"),
        ("delivery.timeout", "PT1M"),
    ],
)
def test_should_refuse_a_value_out_of_bounds(path: str, value: object) -> None:
    with pytest.raises(RenderError, match=f"at '/{path.replace('.', '/')}'"):
        render(nested(tuple(path.split(".")), value))


# As it is installed: every rule of production is kept.
PRODUCTION = documented(CHART / "values-production.yaml")


def in_production(path: str, value: object) -> dict[str, Any]:
    return merged(PRODUCTION, nested(tuple(path.split(".")), value))


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    (
        nested(("taskApi", "autoscaling", "minScale"), 11),
        "taskApi.autoscaling.minScale (11) is above maxScale (10).",
    ),
    (
        nested(("analytics", "autoscaling", "minScale"), 4),
        "analytics.autoscaling.minScale (4) is above maxScale (3).",
    ),
    (
        nested(("taskApi", "containerConcurrency"), 10),
        "taskApi.autoscaling.target (50) is above containerConcurrency (10): no pod could ever reach it.",
    ),
    (
        {"analytics": {"containerConcurrency": 50, "autoscaling": {"maxScale": 1}}},
        (
            "analytics.containerConcurrency * maxScale (50) is below the 99 events one Trigger can have in "
            "flight: the rest would wait until it times out."
        ),
    ),
    (
        nested(("delivery", "timeout"), "PT60S"),
        (
            "delivery.timeout (PT60S) is not above analytics.timeoutSeconds (60): "
            "the broker would repeat an event that is still being handled."
        ),
    ),
    (
        nested(("deadLetter", "uri"), "https://dead.example"),
        (
            "deadLetter.uri and deadLetter.service are for broker.class MTChannelBasedBroker: "
            "with class Kafka dead letters go to deadLetter.topic."
        ),
    ),
    (
        merged(WITHOUT_KAFKA, nested(("deadLetter", "uri"), "https://dead.example")),
        "deadLetter.uri and deadLetter.service are both set: dead letters go to one place.",
    ),
    (
        merged(WITHOUT_KAFKA, nested(("deadLetter", "service"), "")),
        (
            "broker.class MTChannelBasedBroker has no dead letter: set deadLetter.uri or deadLetter.service, "
            "or 10 retries end in losing the event."
        ),
    ),
    (
        merged(WITHOUT_KAFKA, nested(("taskApi", "relayTimeoutSeconds"), 5)),
        (
            "taskApi.relayTimeoutSeconds (5) is below 30: a Broker of class MTChannelBasedBroker answers "
            "only after its subscribers, and one of them starts from zero."
        ),
    ),
    (
        nested(("deadLetter", "topic"), "tasks.events"),
        "deadLetter.topic is broker.topic: a dead letter would be delivered again, without end.",
    ),
    (
        merged(ON_CPU, nested(("taskApi", "autoscaling", "minScale"), 0)),
        "taskApi.autoscaling.class hpa cannot scale to zero: set minScale to 1 or more.",
    ),
    (
        {"taskApi": {"drainDelaySeconds": 5, "shutdownGraceSeconds": 26}},
        (
            "taskApi.timeoutSeconds (60) is below 30 + drainDelaySeconds + shutdownGraceSeconds (61): "
            "a pod would be killed while it drains."
        ),
    ),
    (
        nested(("oidc", "keysMaxAgeSeconds"), 599),
        (
            "oidc.keysMaxAgeSeconds (599) is below keysRefreshSeconds (600): "
            "keys would be gone before they are read anew."
        ),
    ),
    (
        nested(("dashboard", "autoscaling", "minReplicas"), 7),
        "dashboard.autoscaling.minReplicas (7) is above maxReplicas (6).",
    ),
    (
        {"issuer": {"enabled": True}, "oidc": {"issuer": "https://login.example"}},
        (
            "issuer.enabled runs the issuer http://dev-issuer.task-system.svc.cluster.local, and oidc.issuer is "
            "https://login.example: no token would be accepted."
        ),
    ),
    (
        in_production("issuer.enabled", True),
        (
            "issuer.enabled is for tests: the development issuer gives a token to whoever asks, so production "
            "refuses it."
        ),
    ),
    (
        in_production("oidc.issuer", "http://dev-issuer.task-system.svc.cluster.local"),
        "oidc.issuer is the development issuer: production needs the issuer your users sign in at.",
    ),
    (
        in_production("oidc.issuer", "http://login.example"),
        (
            "oidc.issuer (http://login.example) is not https: whoever is on the way could hand out keys of their "
            "own."
        ),
    ),
    (
        in_production("image.registry", "registry.example.com/task-system"),
        "image.registry is still the placeholder: production needs the registry your images are in.",
    ),
    (
        in_production("image.pullPolicy", "Never"),
        "image.pullPolicy Never is for images loaded by hand: a new production node would have none.",
    ),
    (
        merged(PRODUCTION, WITHOUT_KAFKA),
        (
            "broker.class MTChannelBasedBroker keeps events in memory: production needs Kafka, or a restart "
            "loses them."
        ),
    ),
    (
        in_production("kafka.authSecretName", ""),
        "kafka.authSecretName is empty: production does not talk to an open Kafka.",
    ),
    (
        in_production("kafka.replicationFactor", 1),
        "kafka.replicationFactor (1) is below 3: production survives the loss of a broker.",
    ),
    (
        in_production("taskApi.autoscaling.minScale", 1),
        "taskApi.autoscaling.minScale (1) is below 2: in production one node may be drained while the API answers.",
    ),
    (
        in_production("networkPolicy.enabled", False),
        "networkPolicy.enabled is off: in production every pod of the cluster could talk to these.",
    ),
    (
        in_production("edge.httpsRedirect", False),
        "edge.httpsRedirect is off: in production a token would travel in plain text.",
    ),
    (
        in_production("dashboard", {"enabled": True, "autoscaling": {"minReplicas": 1}}),
        (
            "dashboard.autoscaling.minReplicas (1) is below 2: in production one node may be drained while the "
            "page answers."
        ),
    ),
]


@pytest.mark.parametrize(("values", "sentence"), CONTRADICTIONS, ids=[each[1] for each in CONTRADICTIONS])
def test_should_fail_on_a_contradiction_with_its_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RenderError) as raised:
        render(values)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    "values",
    [
        {"taskApi": {"containerConcurrency": 0}},
        merged(ON_CPU, {"taskApi": {"containerConcurrency": 10}}),  # on CPU the target does not count
        {"taskApi": {"autoscaling": {"minScale": 20, "maxScale": 0}}},
        {"analytics": {"containerConcurrency": 0, "autoscaling": {"maxScale": 1}}},
    ],
    ids=str,
)
def test_should_allow_what_only_looks_like_a_contradiction(values: dict[str, Any]) -> None:
    assert "knative/task-api.yaml" in render(values)


# What shows its effect elsewhere than in a render of its own.
NAMED = {
    "production": "it only refuses, with the sentences above",
    "broker.class": "it takes more values with it: the variant without Kafka is its render",
}
OTHER: dict[str, object] = {
    "helmLabels": False,
    "image.registry": "ghcr.io/me",
    "image.tag": "0.2.0",
    "image.pullPolicy": "Always",
    "image.pullSecrets": ["registry"],
    "logLevel": "DEBUG",
    "oidc.issuer": "https://login.example",
    "taskApi.publicUrl": "https://api.example",
    "taskApi.wakeSchedule": "*/5 * * * *",
    "analytics.autoscaling.targetUtilizationPercentage": 80,
    "kafka.bootstrapServers": "kafka:9092",
    "delivery.backoffPolicy": "linear",
    "delivery.backoffDelay": "PT2S",
    "delivery.timeout": "PT90S",
    "deadLetter.uri": "https://dead.example",
    "taskApi.autoscaling.class": "hpa",
    "edge.apiHost": "tasks.example",
    "edge.appHost": "page.example",
    "edge.annotations": [{"name": "example.org/a", "value": "b"}],
    "edge.publicPaths": [{"path": "/v1", "pathType": "Prefix"}],
    "edge.maxBodySize": "1m",
    "edge.tls.issuer": "letsencrypt-production",
    "edge.tls.email": "others@example.org",
    "edge.tls.acme.server": "https://other.example/directory",
    "edge.tls.acme.caBundle": "QUM=",
    "networkPolicy.database.podSelector": "app=other",
    "networkPolicy.database.cidrs": "10.9.0.0/24",
    "networkPolicy.issuer.podSelector": "app=other",
    "networkPolicy.issuer.cidrs": "10.9.0.0/24",
    "networkPolicy.otlp.podSelector": "app=other",
    "networkPolicy.otlp.cidrs": "10.9.0.0/24",
    "resourceQuota.requestsCpu": "20",
    "monitoring.labels": [{"name": "release", "value": "prometheus"}],
    "monitoring.podMonitor.interval": "10s",
    "monitoring.otlpEndpoint": "http://other.example:4318",
}


def others(path: Path, value: object) -> list[object]:
    """What else the value may be."""
    name = ".".join(path)
    if name in OTHER:
        return [OTHER[name]]
    if path[-1] in {"cpu", "memory"}:
        return ["123m" if path[-1] == "cpu" else "123Mi"]
    if path[-1] in {"window", "scaleDownDelay"}:
        return ["99s"]
    if isinstance(value, bool):  # a variant may have switched it already
        return [True, False]
    return [value + 1 if isinstance(value, int) else "other"]


@cache
def variant_render(name: str) -> dict[str, str]:
    return templates(EVERYTHING[name])


def changes_the_render(path: Path, value: object, variant: str) -> bool:
    try:
        changed = templates(merged(EVERYTHING[variant], nested(path, value)))
    except RenderError:  # it contradicts this variant; another one has to show the effect
        return False
    return changed != variant_render(variant)


EFFECTIVE = [(path, value) for path, value in leaves(DEFAULTS) if ".".join(path) not in NAMED]


@pytest.mark.parametrize(("path", "value"), EFFECTIVE, ids=[".".join(path) for path, _ in EFFECTIVE])
def test_should_have_no_value_without_effect(path: Path, value: object) -> None:
    assert any(
        changes_the_render(path, other, variant) for variant in EVERYTHING for other in others(path, value)
    )


def test_should_name_only_values_there_are() -> None:
    assert set(NAMED) <= {".".join(path) for path, _ in leaves(DEFAULTS)}
    assert variant_render("default") != variant_render("without Kafka")


def test_should_pass_helm_lint() -> None:
    report = helm_python.lint(CHART, {}, strict=True)
    serious = [message for message in report["messages"] if message["severity"] > 1]
    assert (report["errors"], serious) == ([], [])
