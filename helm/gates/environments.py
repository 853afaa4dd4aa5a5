"""Which environments there are, read from the files themselves, and the objects of each.

An environment of the chart is a file of values together with those that the command in its head names:

    # helm upgrade --install task-system helm/task-system --values helm/task-system/values-production.yaml \
    #   --values helm/environments/gke.yaml --set image.registry=registry.example.com/task-system
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from helm.render import CHART, ROOT, RenderError, render, values_of

from .finding import GateError
from .objects import Objects

Values = dict[str, Any]


@dataclass(frozen=True)
class Environment:
    """A name and what is applied there; `values` where the chart renders it."""

    name: str
    values: Values | None = None
    files: tuple[Path, ...] = ()

    @cached_property
    def objects(self) -> Objects:
        texts = [path.read_text() for path in self.files]
        if self.values is not None:
            texts = list(self._render(self.values).values())
        documents = [each for text in texts for each in yaml.safe_load_all(text)]
        return Objects(each for each in documents if each and "kind" in each)

    def _render(self, values: Values) -> dict[str, str]:
        try:
            return render(values)
        except RenderError as error:
            raise GateError(f"{self.name}: {error}") from error


def of_chart(variants: Mapping[str, Values] | None = None) -> list[Environment]:
    """The default, every variant given, and every file of values in its documented combination."""
    files = [CHART / "values-production.yaml", *sorted((ROOT / "helm" / "environments").glob("*.yaml"))]
    named = {"default": {}, **(variants or {}), **{path.stem: documented(path) for path in files}}
    return [Environment(name, values) for name, values in named.items()]


def of_folders() -> list[Environment]:
    """What is written by hand: Kafka, and the platform; values of other charts beside them are no objects."""
    return [
        Environment("kafka", files=tuple(sorted((ROOT / "kafka").glob("*.yaml")))),
        Environment("platform", files=tuple(sorted((ROOT / "knative" / "install").glob("*.yaml")))),
    ]


def documented(path: Path) -> Values:
    """The values of the command in the file's head, which names the file itself last of all."""
    words = _command(path)
    files = [ROOT / value for option, value in words if option in {"-f", "--values"}]
    if path not in files:
        raise GateError(f"{path.name}: its head names no helm command with --values of itself.")
    try:
        return values_of(files, [value for option, value in words if option == "--set"])
    except RenderError as error:
        raise GateError(f"{path.name}: {error}") from error


def _command(path: Path) -> list[tuple[str, str]]:
    """Options with their values, in order, of the first helm command in a comment."""
    comment = "\n".join(_head(path))
    joined = re.sub(r"\\\n", " ", comment)
    commands = [
        line for line in joined.splitlines() if re.search(r"\bhelm (upgrade|install|template)\b", line)
    ]
    words = shlex.split(commands[0]) if commands else []
    return list(pairwise(words))


def _head(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            return
        yield line.removeprefix("#").strip()
