"""docker, podman and buildah: which is there, and how it is told to build."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from images.errors import ImagesError, UsageError

ENGINES = ("docker", "podman", "buildah")


class Build(NamedTuple):
    """One image: `secret` is pip's configuration, there while packages are fetched and in no layer."""

    dockerfile: Path
    context: Path
    reference: str
    arguments: Mapping[str, str]
    secret: Path | None = None
    options: Sequence[str] = ()


def find(wanted: str = "") -> str:
    """The engine to use. A docker client whose daemon does not answer is not there."""
    if wanted and wanted not in ENGINES:
        raise UsageError(f"ENGINE must be one of {', '.join(ENGINES)}, not {wanted!r}.")
    for engine in [wanted] if wanted else ENGINES:
        if shutil.which(engine) and _answers(engine):
            return engine
    raise UsageError(
        f"{wanted} does not answer: install or start it."
        if wanted
        else "No container engine answers: install docker, podman or buildah, or start the Docker daemon."
    )


def _answers(engine: str) -> bool:
    return subprocess.run([engine, "info"], capture_output=True, check=False).returncode == 0


def command(engine: str, build: Build) -> list[str]:
    words = [engine, "build", "--file", str(build.dockerfile), "--tag", build.reference]
    if engine == "buildah":
        words.append("--layers")  # as the others do unasked: the images share what they have in common
    for name, value in build.arguments.items():
        words += ["--build-arg", f"{name}={value}"]
    if build.secret:
        words += ["--secret", f"id=pip-conf,src={build.secret}"]
    return [*words, *build.options, str(build.context)]


def run(engine: str, build: Build) -> None:
    # Dockers older than 23 have the builder that knows secrets, but do not use it unless told.
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    code = subprocess.run(command(engine, build), env=environment, check=False).returncode
    if code:
        raise ImagesError(
            f"{engine} could not build {build.reference} (exit code {code}); its output is above."
        )
