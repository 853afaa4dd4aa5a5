"""One home of versions: whatever names a version elsewhere names that one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.versions import number, read

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "knative" / "install"
PINNED: dict[str, Any] = tomllib.loads((ROOT / "versions.toml").read_text())
# What people call a component, and its table.
SPOKEN = {
    r"Kubernetes": "kubernetes",
    r"Knative(?: Serving| Eventing)?|Serving|Eventing": "knative-serving",
    r"cert-manager": "cert-manager",
    r"NGINX Ingress Controller": "nginx",
    r"metrics-server": "metrics-server",
    r"Strimzi": "strimzi",
    r"Redpanda(?: chart)?": "redpanda",
    r"(?:Apache )?Kafka": "kafka",
    r"Helm": "helm",
}
TEXTS = sorted(
    [
        *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("kafka/**/*.md"),
        *ROOT.glob("kafka/**/*.yaml"),
        *INSTALL.rglob("*.yaml"),
        *ROOT.glob("helm/task-system/values*.yaml"),
        *ROOT.glob("helm/environments/*.yaml"),
    ]
)


def allowed(name: str) -> set[str]:
    """The pinned version, its minor, and the chart's."""
    table = PINNED[name]
    whole = {str(table.get(key, "")).lstrip("v") for key in ("version", "minimum", "chart")} - {""}
    return whole | {".".join(version.split(".")[:2]) for version in whole}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_names_another_version(path: Path) -> None:
    named = [
        (words, version)
        for words, name in SPOKEN.items()
        for version in re.findall(rf"(?<![\w-])(?:{words}) v?(\d+\.\d+(?:\.\d+)?)\b", path.read_text())
        if version not in allowed(name)
    ]

    assert named == []


def test_the_search_finds_a_wrong_version() -> None:
    assert "1.22.0" not in allowed("knative-serving")
    assert re.findall(r"(?<![\w-])(?:Knative) v?(\d+\.\d+(?:\.\d+)?)\b", "on Knative 1.22.0,") == ["1.22.0"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_release_is_named_by_its_pinned_address(path: Path) -> None:
    addresses = set(re.findall(r"https://github\.com/\S+/releases/download/\S+", path.read_text()))

    assert addresses <= artifacts()


def artifacts() -> set[str]:
    versions = read()
    components = [versions[name] for name in PINNED if "version" in PINNED[name]]
    return {source for part in components for source in (part.sources or (part.source,)) if source}


def test_the_addresses_are_complete() -> None:
    assert [address for address in artifacts() if "{" in address] == []
    assert len(artifacts()) == 9


@pytest.mark.parametrize(
    ("file", "component"),
    [("knative-serving.yaml", "knative-serving"), ("knative-eventing.yaml", "knative-eventing")],
)
def test_the_operator_is_asked_for_the_pinned_release(file: str, component: str) -> None:
    document = yaml.safe_load((INSTALL / file).read_text())

    assert document["spec"]["version"] == PINNED[component]["version"]


def test_the_kafka_broker_is_the_pinned_release() -> None:
    document = yaml.safe_load((INSTALL / "knative-eventing.yaml").read_text())

    urls = [manifest["URL"] for manifest in document["spec"]["additionalManifests"]]
    assert urls == list(read()["knative-kafka-broker"].sources)


def test_the_operator_carries_the_releases_it_is_asked_for() -> None:
    # It refuses to skip a minor, and has no manifests of a later one.
    minors = {PINNED[name]["version"].rpartition(".")[0] for name in PINNED if name.startswith("knative-")}

    assert minors == {"1.23"}
    assert {
        PINNED[name]["module"].partition("@")[2]
        for name in PINNED
        if "module" in PINNED[name] and name.startswith("knative-")
    } == {"v0.50.0"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("v1.34.2-gke.100", (1, 34)), ("1.34+", (1, 34)), ("v4.1.4", (4, 1)), ("1.9", (1, 9))],
)
def test_versions_are_compared_as_clouds_write_them(written: str, meant: tuple[int, int]) -> None:
    assert number(written) == meant
