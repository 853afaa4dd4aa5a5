"""From a container's image and command to a program of this machine."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knative_local.manifests.document import KeyPath
from knative_local.manifests.inspection import nearest
from knative_local.manifests.pod import Container, Port
from knative_local.manifests.reading import Loaded
from knative_local.planning.environment import Environment, Sources, plan_environment

_OPTION = re.compile(r"--?[\w-]+=")


@dataclass(frozen=True)
class Program:
    """`command` is complete but for ``$(NAME)``; `environment` still holds templates.

    `folders` are paths of the container to names of folders that stand for them.
    """

    name: str
    command: tuple[str, ...]
    environment: Environment
    folders: tuple[tuple[str, str], ...] = ()


def plan_program(
    sources: Sources, owner: Loaded[Any], container: Container, at: KeyPath, port: Port | None = None
) -> Program:
    """`port` is the one that the process finds in PORT; an argument that names it becomes ``$(PORT)``."""
    environment = plan_environment(sources, owner, container, at)
    command = container.command or _of_image(sources, owner, container, (*at, "image"))
    executable = find(command[0])
    if executable is None:
        place = (*at, "command") if container.command else (*at, "image")
        raise owner.document.error(place, f"there is no program '{command[0]}' on this machine")
    arguments = _arguments(sources, owner, container, at, port)
    folders = tuple(_folders(owner, container, at))
    return Program(owner.name, (executable, *command[1:], *arguments), environment, folders)


def _arguments(
    sources: Sources, owner: Loaded[Any], container: Container, at: KeyPath, port: Port | None
) -> Iterator[str]:
    """The values of ``--name=value`` too, like those of variables."""
    number = str(port.number) if port else None
    for index, argument in enumerate(container.args):
        option = _OPTION.match(argument)
        name = option[0] if option else ""
        value = argument.removeprefix(name)
        if value != number:
            yield name + sources.localised(owner, value, (*at, "args", index))
        else:
            yield name + "$(PORT)"


def _folders(owner: Loaded[Any], container: Container, at: KeyPath) -> Iterator[tuple[str, str]]:
    volumes = [volume.name for volume in owner.body.spec.template.spec.volumes]
    for index, mount in enumerate(container.volume_mounts):
        if mount.name not in volumes:
            reason = f"there is no volume '{mount.name}'{nearest(mount.name, volumes)}"
            raise owner.document.error((*at, "volumeMounts", index, "name"), reason)
        yield mount.mount_path.rstrip("/"), f"{owner.name}/{mount.name}"


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
