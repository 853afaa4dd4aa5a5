"""Knative's kinds against our own schema, where their CRDs are blind.

Those keep unknown fields of a Trigger's spec, of every delivery, of a revision's annotations; and they allow
what a stock Knative refuses later, as a pod field behind a feature flag or `spec.traffic`, which is not ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from .environments import Environment
from .finding import Finding, Result
from .objects import Object, canonical, title

GATE = "strict"
GROUPS = {"serving.knative.dev", "eventing.knative.dev", "sources.knative.dev", "messaging.knative.dev"}


def check(environments: Sequence[Environment]) -> Result:
    seen = [(one, each) for one in environments for each in one.objects if concerns(each)]
    findings = [
        Finding(GATE, environment.name, title(each), fault)
        for environment, each in seen
        for fault in faults_of(each)
    ]
    return Result(GATE, len(seen), tuple(findings))


def concerns(each: Object) -> bool:
    return str(each.get("apiVersion")).partition("/")[0] in GROUPS


def faults_of(each: Object) -> list[str]:
    return list(_faults(canonical(each)))


@cache
def _faults(text: str) -> tuple[str, ...]:
    """What the best matching kind finds wrong."""
    error = jsonschema.exceptions.best_match(_validator().iter_errors(json.loads(text)))
    return (
        (f"{'.'.join(str(step) for step in error.path) or 'object'}: {error.message[:200]}",) if error else ()
    )


@cache
def _validator() -> jsonschema.Draft7Validator:
    schema = yaml.safe_load(Path(__file__).with_name("knative.schema.yaml").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)
