"""Helm's own lint, strict, for every environment: schema of the values, templates, and Chart.yaml."""

from __future__ import annotations

from collections.abc import Sequence

import helm_python

from helm.render import CHART, NAMESPACE

from .environments import Environment
from .finding import Finding, Result

GATE = "lint"
WARNING = 2


def check(environments: Sequence[Environment]) -> Result:
    charts = [each for each in environments if each.values is not None]
    return Result(GATE, len(charts), tuple(fault for each in charts for fault in _faults(each)))


def _faults(environment: Environment) -> list[Finding]:
    report = helm_python.lint(CHART, environment.values, strict=True, namespace=NAMESPACE)
    faults = [
        (message["path"], message["error"])
        for message in report["messages"]
        if message["severity"] >= WARNING
    ]
    return [Finding(GATE, environment.name, path, str(error)) for path, error in faults]
