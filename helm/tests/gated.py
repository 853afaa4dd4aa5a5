"""Every environment there is, and what a gate's result means for a test."""

from __future__ import annotations

import os
from functools import cache
from typing import NoReturn

import pytest

from helm.gates.environments import Environment, documented, of_chart, of_folders
from helm.gates.finding import Result
from helm.render import CHART

from .objects import EVERYTHING, merged

WHOLE = "production with the dashboard"


@cache
def environments() -> tuple[Environment, ...]:
    """Each renders once per process."""
    production = documented(CHART / "values-production.yaml")
    board = {"dashboard": {"enabled": True}, "edge": {"appHost": "app.acme.io"}}
    whole = {WHOLE: merged(production, board)}
    return (*of_chart({**EVERYTHING, **whole}), *of_folders())


def passes(result: Result) -> bool:
    """Something was looked at, nothing was found; a tool that is missing skips, and fails where CI brings it."""
    assert [str(each) for each in result.findings] == []
    if result.skipped:
        missing(result.skipped)
    return result.checked > 0


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason} On a CI machine it has to be there: see .ci/run.")
    pytest.skip(reason)
