"""The base image: its home is versions.toml, and the Dockerfiles repeat it because a builder reads nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from images import dockerfiles, registry
from images.errors import ImagesError

# Up to an empty line: what follows may belong to another section.
SECTION = re.compile(r"^\[base-image\]\n(?:.+\n)*", re.MULTILINE)


class Base(NamedTuple):
    image: str
    version: str
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.image}:{self.version}" + (f"@{self.digest}" if self.digest else "")

    @property
    def python(self) -> str:
        """The version of Python in it, which official tags start with."""
        return self.version.partition("-")[0]


def read(root: Path = dockerfiles.ROOT) -> Base:
    return Base(**tomllib.loads((root / "versions.toml").read_text())["base-image"])


def pin(root: Path, tag: str = "") -> Base:
    """Ask the registry for the digest of the tag, or of another one, and write it wherever the base is named.

    Nothing is written before the registry has answered.
    """
    old = read(root)
    new = old._replace(version=tag or old.version, digest="")
    new = new._replace(digest=registry.digest(str(new)))
    write(root, new)
    return new


def write(root: Path, base: Base) -> None:
    changes = {path: named(path, base) for path in dockerfiles.paths(root).values()}
    versions = root / "versions.toml"
    changes[versions] = recorded(versions.read_text(), base)
    for path, content in changes.items():
        path.write_text(content)


def named(dockerfile: Path, base: Base) -> str:
    content, count = dockerfiles.BASE.subn(rf"\g<1>{base}", dockerfile.read_text())
    if count != 1:
        raise ImagesError(
            f"{dockerfile}: there is no single line ARG PYTHON_IMAGE= to write the base image to."
        )
    return content


def recorded(versions: str, base: Base) -> str:
    """The text of versions.toml with this base, comments and all else as they were."""
    (section,) = SECTION.findall(versions)
    kept = [line for line in section.splitlines() if not re.match(r"(version|digest) *=", line)]
    lines = [*kept, f'version = "{base.version}"', f'digest = "{base.digest}"', ""]
    return versions.replace(section, "\n".join(lines))
