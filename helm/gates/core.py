"""Kubernetes' own kinds against its schemas, unknown fields refused, at the oldest and the newest version."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from functools import cache

import kubernetes_validate

from helm.render import ROOT

from .environments import Environment
from .finding import Finding, Result
from .lift import lifted
from .objects import Object, canonical, title

GATE = "core"


@cache
def supported() -> tuple[str, str]:
    """From what Knative asks for to the newest whose schemas are released."""
    versions = tomllib.loads((ROOT / "versions.toml").read_text())
    return versions["kubernetes"]["minimum"], kubernetes_validate.latest_version()


def check(environments: Sequence[Environment]) -> Result:
    findings: list[Finding] = []
    checked = 0
    for environment in environments:
        for each in environment.objects:
            if knows(each):
                checked += 1
                findings += [Finding(GATE, environment.name, title(each), fault) for fault in faults_of(each)]
    return Result(GATE, checked, tuple(findings))


def knows(each: Object) -> bool:
    """Whether it is a kind of Kubernetes itself, the pod of a Knative Service included."""
    return _knows(str(lifted(each).get("apiVersion")), str(lifted(each).get("kind")))


def faults_of(each: Object) -> list[str]:
    return [fault for version in supported() for fault in _faults(canonical(lifted(each)), version)]


@cache
def _knows(api_version: str, kind: str) -> bool:
    try:
        kubernetes_validate.validate({"apiVersion": api_version, "kind": kind}, supported()[1], strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return False
    except kubernetes_validate.ValidationError:
        return True
    return True


@cache
def _faults(text: str, version: str) -> tuple[str, ...]:
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        place = ".".join(str(step) for step in error.path)
        return (f"{place or 'object'}: {error.message[:200]} (Kubernetes {version})",)
    except kubernetes_validate.SchemaNotFoundError as error:
        return (f"{error.message}",)
    return ()
