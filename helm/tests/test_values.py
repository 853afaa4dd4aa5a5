"""Values: a sentence and a constraint for each, and no contradictions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import helm_python
import jsonschema
import pytest
import yaml

from helm.render import CHART, RenderError, render, schema, templates

from .objects import VARIANTS, WITHOUT_KAFKA

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


def merged(*values: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for each in copy.deepcopy(values):
        for key, value in each.items():
            result[key] = merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


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
        {"taskApi": {"autoscaling": {"minScale": 20, "maxScale": 0}}},
        {"analytics": {"containerConcurrency": 0, "autoscaling": {"maxScale": 1}}},
    ],
    ids=str,
)
def test_should_read_zero_as_no_limit(values: dict[str, Any]) -> None:
    assert "knative/task-api.yaml" in render(values)


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
}


def another(path: Path, value: object) -> object:
    name = ".".join(path)
    if name in OTHER:
        return OTHER[name]
    if path[-1] in {"cpu", "memory"}:
        return {"cpu": "123m", "memory": "123Mi"}[path[-1]]
    if path[-1] in {"window", "scaleDownDelay"}:
        return "99s"
    return value + 1 if isinstance(value, int) else "other"


@cache
def variant_render(name: str) -> dict[str, str]:
    return templates(VARIANTS[name])


def changes_the_render(path: Path, value: object, variant: str) -> bool:
    try:
        changed = templates(merged(VARIANTS[variant], nested(path, another(path, value))))
    except RenderError:  # it contradicts this variant; another one has to show the effect
        return False
    return changed != variant_render(variant)


@pytest.mark.parametrize(
    ("path", "value"), list(leaves(DEFAULTS)), ids=[".".join(path) for path, _ in leaves(DEFAULTS)]
)
def test_should_have_no_value_without_effect(path: Path, value: object) -> None:
    if path == ("broker", "class"):  # it takes more values with it: the variants themselves show the effect
        assert variant_render("default") != variant_render("without Kafka")
    else:
        assert any(changes_the_render(path, value, variant) for variant in VARIANTS)


def test_should_pass_helm_lint() -> None:
    report = helm_python.lint(CHART, {}, strict=True)
    serious = [message for message in report["messages"] if message["severity"] > 1]
    assert (report["errors"], serious) == ([], [])
