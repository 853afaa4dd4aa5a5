"""An upgrade from every release before: its values still render, and nothing unchangeable has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from .objects import merged, of_kind, rendered
from .release import KEPT, PREVIOUS, UNCHANGEABLE, changes, keep, unchangeable

RELEASES = sorted(path.stem.removeprefix("values-") for path in PREVIOUS.glob("values-*.yaml"))


def kept(version: str, folder: Path = PREVIOUS) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((folder / f"objects-{version}.yaml").read_text())
    assert isinstance(document, dict)
    return document


def values_of_release(version: str, folder: Path = PREVIOUS) -> dict[str, Any]:
    document = yaml.safe_load((folder / f"values-{version}.yaml").read_text())
    assert isinstance(document, dict)
    return document


INSTALLATIONS = [(version, name) for version in RELEASES for name in kept(version)]


def test_should_know_the_first_release() -> None:
    assert "0.1.0" in RELEASES
    assert {"default", "without Kafka"} <= set(kept("0.1.0"))


@pytest.mark.parametrize(("version", "name"), INSTALLATIONS, ids=[" ".join(each) for each in INSTALLATIONS])
def test_should_upgrade_a_release_with_its_own_values(version: str, name: str) -> None:
    before = kept(version)[name]
    # All of its values, as `helm upgrade --reuse-values` would hand them over.
    after = rendered(merged(values_of_release(version), before["values"]))
    assert changes(before["objects"], unchangeable(after.values())) == []


@pytest.mark.parametrize(
    ("values", "change"),
    [
        (
            {"broker": {"topic": "other"}},
            "Broker/tasks: metadata.annotations.kafka~eventing~knative~dev/external~topic",
        ),
        ({"deadLetter": {"topic": "other"}}, "KafkaSink/dead-letter: spec.topic"),
        (
            {
                "broker": {"class": "MTChannelBasedBroker"},
                "deadLetter": {"service": "recorder"},
                "taskApi": {"relayTimeoutSeconds": 60},
            },
            "Broker/tasks: metadata.annotations.eventing~knative~dev/broker~class",
        ),
    ],
    ids=["topic", "dead letter", "class"],
)
def test_should_notice_what_a_cluster_would_refuse(values: dict[str, Any], change: str) -> None:
    found = changes(kept("0.1.0")["default"]["objects"], unchangeable(rendered(values).values()))
    assert any(each.startswith(change) for each in found)


def test_should_keep_a_release_as_it_will_be_read(tmp_path: Path) -> None:
    version = keep(tmp_path)
    assert set(kept(version, tmp_path)) == set(KEPT)
    for before in kept(version, tmp_path).values():
        after = rendered(merged(values_of_release(version, tmp_path), before["values"]))
        assert changes(before["objects"], unchangeable(after.values())) == []
        assert "Trigger/analytics" in before["objects"]


def test_should_notice_a_renamed_trigger_and_another_selector() -> None:
    before = unchangeable(rendered({"dashboard": {"enabled": True}}).values())
    after = {name: dict(fields) for name, fields in before.items()}
    after["Trigger/counting"] = after.pop("Trigger/analytics")
    after["Deployment/dashboard"]["spec.selector"] = {"matchLabels": {"app": "dashboard"}}
    assert changes(before, after)[0] == "Trigger/analytics is gone"
    assert changes(before, after)[1].startswith("Deployment/dashboard: spec.selector was ")


def test_should_look_at_fields_the_objects_have() -> None:
    """A path with a slip would compare nothing with nothing."""
    objects = unchangeable(rendered({"dashboard": {"enabled": True}}).values())
    for kind in ("Broker", "Trigger", "Deployment"):
        (first, *_) = [fields for name, fields in objects.items() if name.startswith(f"{kind}/")]
        assert set(first) == set(UNCHANGEABLE[kind])
        assert None not in first.values()


def test_should_have_jobs_replaced_because_they_cannot_change() -> None:
    for job in of_kind("Job"):
        assert job["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation"
