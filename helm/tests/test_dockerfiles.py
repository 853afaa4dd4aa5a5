"""The Dockerfiles against the chart that runs their images."""

from __future__ import annotations

import re

import pytest

from helm.render import ROOT

from .dockerfiles import SERVICES, dockerfile, instructions
from .objects import container, one

each_service = pytest.mark.parametrize("service", SERVICES)


def test_should_differ_in_the_name_only() -> None:
    assert dockerfile("task-api").replace("task-api", "analytics") == dockerfile("analytics")


@each_service
def test_should_run_as_the_user_the_chart_demands(service: str) -> None:
    security = container(one("Service", service))["securityContext"]
    assert instructions(service, "USER") == [f"{security['runAsUser']}:{security['runAsGroup']}"]


@each_service
def test_should_start_the_console_script_of_its_name_without_a_shell(service: str) -> None:
    assert instructions(service, "ENTRYPOINT") == [f'["{service}"]']  # so SIGTERM reaches the process
    assert instructions(service, "CMD") == []


@each_service
def test_should_take_its_base_image_from_one_argument_pinned_by_tag(service: str) -> None:
    (base,) = instructions(service, "ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+[\d.]*-slim", base)
    assert instructions(service, "FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


@each_service
def test_should_install_by_hash_only(service: str) -> None:
    for command in " && ".join(instructions(service, "RUN")).split("&&"):
        if " install " in command:
            assert "--require-hashes" in command or "--no-deps" in command, command


@each_service
def test_should_copy_only_what_is_there_and_let_through(service: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for copy in instructions(service, "COPY"):
        if copy.startswith("--from"):
            continue
        *origins, _ = copy.split()
        for origin in origins:
            assert (ROOT / origin).exists(), origin
            assert any(re.match(pattern.replace("*", "[^/]+"), origin) for pattern in let_through), origin
