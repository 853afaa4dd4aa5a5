"""From a container's image and command to a program of this machine."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knative_local.manifests.document import KeyPath
from knative_local.manifests.inspection import nearest
from knative_local.manifests.pod import Container
from knative_local.manifests.reading import Loaded
from knative_local.planning.environment import Environment, Sources, plan_environment


@dataclass(frozen=True)
class Program:
    """`command` is complete but for ``$(NAME)``; `environment` still holds templates."""

    name: str
    command: tuple[str, ...]
    environment: Environment


def plan_program(sources: Sources, owner: Loaded[Any], container: Container, at: KeyPath) -> Program:
    environment = plan_environment(sources, owner, container, at)
    command = container.command or _of_image(sources, owner, container, (*at, "image"))
    executable = find(command[0])
    if executable is None:
        place = (*at, "command") if container.command else (*at, "image")
        raise owner.document.error(place, f"there is no program '{command[0]}' on this machine")
    return Program(owner.name, (executable, *command[1:], *container.args), environment)


def basename(image: str) -> str:
    """``task-api`` of ``registry:5000/team/task-api:1.2@sha256:...``."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def find(program: str) -> str | None:
    """The program beside this Python, else on the PATH."""
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return shutil.which(program, path=os.pathsep.join(folders))


def _of_image(sources: Sources, owner: Loaded[Any], container: Container, at: KeyPath) -> tuple[str, ...]:
    name = basename(container.image)
    images = sources.profile.images
    if name in images:
        return images[name]
    if find(name) is None:
        reason = f"no program '{name}' beside this Python and no entry in the profile's [images]"
        raise owner.document.error(at, reason + nearest(name, images))
    return (name,)
