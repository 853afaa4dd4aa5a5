"""The files of kafka/ as data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm.render import ROOT

Object = dict[str, Any]
KAFKA = ROOT / "kafka"
# Of the development set, beside this Python.
KUBECTL = Path(sys.executable).with_name("kubectl")
DAY = 24 * 60 * 60 * 1000


def objects(*names: str) -> list[Object]:
    return [each for name in names for each in yaml.safe_load_all((KAFKA / name).read_text()) if each]


def one(kind: str, name: str) -> Object:
    return named(objects("kafka-cluster.yaml", "kafka-topics.yaml"), kind, name)


def named(everything: list[Object], kind: str, name: str) -> Object:
    (found,) = (each for each in everything if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def topics() -> dict[str, Object]:
    """Name -> spec."""
    return {each["metadata"]["name"]: each["spec"] for each in objects("kafka-topics.yaml")}


@cache
def _single_node() -> str:
    done = subprocess.run(
        [KUBECTL, "kustomize", "--load-restrictor", "LoadRestrictionsNone", KAFKA / "single-node"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def single_node() -> list[Object]:
    return list(yaml.safe_load_all(_single_node()))


def absent(reason: str) -> None:
    """Where a tool is missing: said on a person's machine, a failure on a CI machine."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def block(page: Path, name: str) -> str:
    """The shell commands under `<!-- name -->`."""
    (found,) = re.findall(rf"<!-- {re.escape(name)} -->\n```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return str(found)
