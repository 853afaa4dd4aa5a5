"""The Dockerfiles against the chart that runs their images."""

from __future__ import annotations

import re

import pytest
from helm.tests.objects import container

from images import base, dockerfiles
from images.dockerfiles import ROOT, instructions, text

from .workloads import IMAGES, workload

each_image = pytest.mark.parametrize("image", IMAGES)


def without_comments(dockerfile: str) -> str:
    return re.sub(r"^#.*\n", "", dockerfile, flags=re.MULTILINE)


def test_every_image_of_ours_has_one() -> None:
    assert set(IMAGES) >= {"task-api", "analytics", "dev-issuer"}


@each_image
def test_should_differ_in_the_name_and_in_what_is_copied_only(image: str) -> None:
    folder = dockerfiles.paths()[image].parent.relative_to(ROOT)
    expected = text("task-api").replace("functions/task-api", str(folder)).replace("task-api", image)
    if "COPY contracts" not in text(image):
        expected = re.sub(r"^COPY contracts.*\n", "", expected, flags=re.MULTILINE)
        expected = expected.replace("./contracts ", "")
    assert without_comments(text(image)) == without_comments(expected)


@each_image
def test_should_run_as_the_user_the_chart_demands(image: str) -> None:
    security = container(workload(image))["securityContext"]
    assert instructions(image, "USER") == [f"{security['runAsUser']}:{security['runAsGroup']}"]


@each_image
def test_should_start_the_console_script_of_its_name_without_a_shell(image: str) -> None:
    assert instructions(image, "ENTRYPOINT") == [f'["{image}"]']  # so SIGTERM reaches the process
    assert instructions(image, "CMD") == []


@each_image
def test_should_take_its_base_image_from_one_argument_and_that_from_the_versions(image: str) -> None:
    (default,) = (each for each in instructions(image, "ARG") if each.startswith("PYTHON_IMAGE="))
    assert default == f"PYTHON_IMAGE={base.read()}"
    assert instructions(image, "FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_should_name_one_release_of_the_base_image_and_not_a_line_of_them() -> None:
    assert re.fullmatch(r"3\.\d+\.\d+-slim-[a-z]+", base.read().version)


@each_image
def test_should_install_by_hash_only(image: str) -> None:
    for command in " && ".join(instructions(image, "RUN")).split("&&"):
        if " install " in command:
            assert "--require-hashes" in command or "--no-deps" in command, command


@each_image
def test_should_label_where_it_came_from(image: str) -> None:
    labels = " ".join(instructions(image, "LABEL"))
    for name in ("source", "version", "revision"):
        assert f'org.opencontainers.image.{name}="${{{name.upper()}}}"' in labels
        assert f'{name.upper()}=""' in instructions(image, "ARG")


@each_image
def test_should_copy_only_what_is_there_and_let_through(image: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for copy in instructions(image, "COPY"):
        if copy.startswith("--from"):
            continue
        *origins, _ = copy.split()
        for origin in origins:
            assert (ROOT / origin).exists(), origin
            assert any(re.match(pattern.replace("*", "[^/]+"), origin) for pattern in let_through), origin
