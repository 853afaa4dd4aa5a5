"""`make images` with engines that only note what they are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from images import base
from images.dockerfiles import ROOT

from .workloads import IMAGES

# Answers `info` unless it is told to be dead, and notes everything else it is asked.
ENGINE = """#!/bin/sh
[ "$1" = info ] && exit {info}
printf '%s\\n' "$@" "" >> "{notes}"
exit {build}
"""


class Machine:
    """A PATH with these engines, and no other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, engine: str, *, info: int = 0, build: int = 0) -> None:
        program = self.folder / engine
        program.write_text(ENGINE.format(info=info, build=build, notes=self.folder / "notes" / engine))
        program.chmod(0o755)
        (self.folder / "notes").mkdir(exist_ok=True)

    def make_images(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "images", "build", f"--out={self.folder / 'bills'}", *arguments]
        environment = {**os.environ, "PATH": str(self.folder)}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=60
        )

    def told(self, engine: str) -> list[list[str]]:
        """The words of each build."""
        notes = self.folder / "notes" / engine
        text = notes.read_text().rstrip("\n") if notes.exists() else ""
        return [block.split("\n") for block in text.split("\n\n") if block]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_any_engine_it_says_so_in_one_sentence(machine: Machine) -> None:
    done = machine.make_images()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "docker, podman or buildah" in done.stderr


@pytest.mark.parametrize("engine", ["docker", "podman", "buildah"])
def test_whichever_is_there_builds_every_image(machine: Machine, engine: str) -> None:
    machine.has(engine)
    done = machine.make_images()
    assert done.returncode == 0, done.stderr
    chart = yaml.safe_load((ROOT / "helm/task-system/values.yaml").read_text())["image"]
    tagged = [words[words.index("--tag") + 1] for words in machine.told(engine)]
    assert tagged == [f"{chart['registry']}/{image}:{chart['tag']}" for image in IMAGES]


def test_a_docker_client_without_its_daemon_is_passed_over(machine: Machine) -> None:
    machine.has("docker", info=1)
    machine.has("podman")
    assert machine.make_images("--image=analytics").returncode == 0
    assert (len(machine.told("docker")), len(machine.told("podman"))) == (0, 1)


def test_the_engine_asked_for_is_taken_or_missed(machine: Machine) -> None:
    machine.has("docker")
    machine.has("buildah")
    assert machine.make_images("--engine=buildah", "--image=analytics").returncode == 0
    assert (len(machine.told("docker")), len(machine.told("buildah"))) == (0, 1)
    done = machine.make_images("--engine=podman")
    assert (done.returncode, done.stderr) == (2, "images: podman does not answer: install or start it.\n")


def test_the_base_the_labels_and_the_arguments_reach_the_engine(machine: Machine, tmp_path: Path) -> None:
    machine.has("podman")
    conf = tmp_path / "pip.conf"
    conf.touch()
    names = ("--image=task-api", "--registry=registry.test/x", "--tag=1.2")
    done = machine.make_images(*names, f"--pip-conf={conf}", "--args=--platform linux/arm64")
    assert done.returncode == 0, done.stderr
    (words,) = machine.told("podman")
    assert words[words.index("--tag") + 1] == "registry.test/x/task-api:1.2"
    assert {f"PYTHON_IMAGE={base.read()}", "VERSION=1.2"} <= set(words)
    assert words[words.index("--secret") + 1] == f"id=pip-conf,src={conf}"
    assert words[-3:] == ["--platform", "linux/arm64", str(ROOT)]
    assert json.loads((tmp_path / "bills/task-api.cdx.json").read_text())["bomFormat"] == "CycloneDX"


def test_another_base_can_be_given(machine: Machine, tmp_path: Path) -> None:
    machine.has("podman")
    digest = "sha256:" + "a" * 64
    given = f"registry.test:5000/python:3.12.1-slim@{digest}"
    assert machine.make_images("--image=analytics", f"--base={given}").returncode == 0
    (words,) = machine.told("podman")
    assert f"PYTHON_IMAGE={given}" in words
    components = json.loads((tmp_path / "bills/analytics.cdx.json").read_text())["components"]
    (listed,) = (each for each in components if each["type"] == "container")
    assert (listed["name"], listed["version"]) == ("registry.test:5000/python", "3.12.1-slim")
    assert listed["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--image=nothing", "IMAGE must be one of"),
        ("--engine=kaniko", "ENGINE must be one of"),
        ("--tag=latest", "TAG cannot be 'latest'"),
        ("--tag=a b", "TAG cannot be 'a b'"),
        ("--base=alpine", "BASE must"),
        ("--pip-conf=/nowhere", "there is no file /nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_built(
    machine: Machine, argument: str, said: str
) -> None:
    machine.has("docker")
    done = machine.make_images(argument)
    assert (done.returncode, machine.told("docker")) == (2, [])
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_build_that_fails_ends_it_and_lists_no_parts(machine: Machine, tmp_path: Path) -> None:
    machine.has("docker", build=3)
    done = machine.make_images()
    assert done.returncode == 1
    assert "exit code 3" in done.stderr
    assert len(machine.told("docker")) == 1
    assert [*(tmp_path / "bills").iterdir()] == []
