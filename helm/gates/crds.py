"""Custom objects against the CRDs of the pinned releases, unknown fields refused.

The CRDs are read from what is released, never copied: Knative's from the operator, which installs exactly
those, cert-manager's and the Prometheus operator's from their Go modules, Strimzi's from its Maven artifacts.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from helm.render import ROOT

from . import core, modules, strimzi_crds
from .environments import Environment
from .finding import Finding, GateError, Result
from .objects import Object, canonical, title
from .structural import Schema, json_schema

GATE = "crds"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen at run time
    """Takes a plain `=` for the text it is; PyYAML knows it as a type of YAML 1.1 and cannot make it."""


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.constructor.SafeConstructor.construct_yaml_str)

# Component in versions.toml -> its CRDs inside the Go module it names. {serving}: version of knative-serving,
# {minor}: its first two numbers.
PLACES: dict[str, tuple[str, ...]] = {
    "knative-operator": (
        "cmd/operator/kodata/knative-serving/{serving}/1-serving-crds.yaml",
        "cmd/operator/kodata/knative-eventing/{eventing}/1-eventing-crds.yaml",
        "cmd/operator/kodata/eventing-source/{minor}/kafka/eventing-kafka-controller.yaml",
        "config/crd/bases/*.yaml",
    ),
    "cert-manager": ("deploy/crds/*.yaml",),
    "prometheus-operator": ("example/prometheus-operator-crd/*.yaml",),
}
# API groups -> who defines them.
GROUPS = {
    "serving.knative.dev": "knative-operator",
    "eventing.knative.dev": "knative-operator",
    "sources.knative.dev": "knative-operator",
    "messaging.knative.dev": "knative-operator",
    "networking.internal.knative.dev": "knative-operator",
    "operator.knative.dev": "knative-operator",
    "cert-manager.io": "cert-manager",
    "acme.cert-manager.io": "cert-manager",
    "monitoring.coreos.com": "prometheus-operator",
    "kafka.strimzi.io": "strimzi",
}


def check(environments: Sequence[Environment]) -> Result:
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    checked = 0
    for environment in environments:
        for each in environment.objects:
            if not is_custom(each) or _group(each) in skipped:
                continue
            try:
                faults = faults_of(each)
            except GateError as error:
                skipped[_group(each)] = str(error)
                continue
            checked += 1
            findings += [Finding(GATE, environment.name, title(each), fault) for fault in faults]
    return Result(GATE, checked, tuple(findings), " ".join(sorted(set(skipped.values()))))


def is_custom(each: Object) -> bool:
    """Also a Knative Service, whose pod Kubernetes knows."""
    return _group(each) in GROUPS or not core.knows(each)


def faults_of(each: Object) -> list[str]:
    """Also when nobody defines its kind: a wrong apiVersion is a fault like any other."""
    if _group(each) not in GROUPS:
        return [
            f"no Kubernetes and no component of versions.toml knows {each.get('apiVersion')} {each.get('kind')}"
        ]
    return list(_faults(canonical(each)))


def _group(each: Object) -> str:
    return str(each.get("apiVersion")).partition("/")[0]


@cache
def _faults(text: str) -> tuple[str, ...]:
    each = json.loads(text)
    validator = _validators(GROUPS[_group(each)]).get((each["apiVersion"], each["kind"]))
    if validator is None:
        return (f"its release has no {each['kind']} in {each['apiVersion']}",)
    return tuple(
        f"{'.'.join(str(step) for step in error.path) or 'object'}: {error.message[:200]}"
        for error in validator.iter_errors(each)
    )


@cache
def _validators(component: str) -> dict[tuple[str, str], jsonschema.Draft202012Validator]:
    return {key: jsonschema.Draft202012Validator(schema) for key, schema in _schemas(component)}


def _schemas(component: str) -> Iterator[tuple[tuple[str, str], Schema]]:
    for crd in _crds(component):
        group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
        for version in crd["spec"]["versions"]:
            if version["served"]:
                name = f"{group}/{version['name']}"
                yield (name, kind), json_schema(name, kind, version["schema"]["openAPIV3Schema"])


def _crds(component: str) -> Iterator[Object]:
    for path in crd_files(component):
        for each in yaml.load_all(path.read_text(), Loader=_Loader):
            if each and each["kind"] == "CustomResourceDefinition":
                yield each


def crd_files(component: str) -> list[Path]:
    if component == "strimzi":
        return strimzi_crds.files()
    versions = _versions()
    folder = modules.folder_of(versions[component]["module"])
    serving, eventing = versions["knative-serving"]["version"], versions["knative-eventing"]["version"]
    minor = serving.rpartition(".")[0]
    places = [place.format(serving=serving, eventing=eventing, minor=minor) for place in PLACES[component]]
    files = [path for place in places for path in sorted(folder.glob(place))]
    if not files:
        raise GateError(f"{versions[component]['module']} has no CRDs where they are looked for.")
    return files


@cache
def _versions() -> dict[str, Any]:
    return tomllib.loads((ROOT / "versions.toml").read_text())
