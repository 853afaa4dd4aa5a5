"""A bill of materials for an image: CycloneDX, from the very requirements the Dockerfile installs by hash.

It lists the Python packages and the base image; Debian's packages inside the base are the base's own affair.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from images import dockerfiles
from images.base import Base

HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def document(image: str, version: str, base: Base, root: Path = dockerfiles.ROOT) -> str:
    bom = Bom()
    bom.metadata.component = _member(dockerfiles.paths(root)[image].parent, ComponentType.CONTAINER, version)
    parts = [*_packages(root / "requirements" / f"{image}.txt", base), *_members(image, root), _base(base)]
    bom.components.update(parts)
    bom.register_dependency(bom.metadata.component, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _packages(requirements: Path, base: Base) -> Iterator[Component]:
    lines = requirements.read_text().replace("\\\n", " ").splitlines()
    yield from filter(None, (component(line, base) for line in lines))


def component(line: str, base: Base) -> Component | None:
    """The package of one requirement, unless it is for another platform than the image's."""
    requirement = Requirement(HASH.sub("", line).strip())
    if requirement.marker and not requirement.marker.evaluate(_environment(base)):
        return None
    (pin,) = requirement.specifier
    return _package(requirement.name, pin.version, HASH.findall(line))


def _environment(base: Base) -> dict[str, str]:
    """What the markers ask for, as it is in the image and not on this machine."""
    return {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "platform_system": "Linux",
        "sys_platform": "linux",
        "python_full_version": base.python,
        "python_version": ".".join(base.python.split(".")[:2]),
    }


def _members(image: str, root: Path) -> Iterator[Component]:
    """What is built from this repository and installed: the sources the Dockerfile copies."""
    copied = re.findall(
        r"^COPY (\S+)/pyproject\.toml ", dockerfiles.paths(root)[image].read_text(), re.MULTILINE
    )
    for folder in copied:
        yield _member(root / folder, ComponentType.LIBRARY)


def _member(folder: Path, kind: ComponentType, version: str = "") -> Component:
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return Component(
        type=kind,
        name=project["name"],
        version=version or project["version"],
        bom_ref=f"{kind.value}:{project['name']}",
        licenses=[DisjunctiveLicense(id=project["license"])],
    )


def _package(name: str, version: str, hashes: list[str]) -> Component:
    """Any of the hashes may be the one installed: a release has a wheel per platform."""
    purl = PackageURL("pypi", name=name, version=version)
    digests = [HashType(alg=HashAlgorithm.SHA_256, content=content) for content in hashes]
    return Component(name=name, version=version, purl=purl, bom_ref=purl.to_string(), hashes=digests)


def _base(base: Base) -> Component:
    content = base.digest.removeprefix("sha256:")
    digests = [HashType(alg=HashAlgorithm.SHA_256, content=content)] if content else []
    return Component(
        type=ComponentType.CONTAINER,
        name=base.image,
        version=base.version,
        bom_ref=f"base:{base.image}",
        hashes=digests,
    )
