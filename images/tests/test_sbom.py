"""The bill of materials: valid CycloneDX, and as complete as what is installed by hash."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images import base, sbom
from images.dockerfiles import ROOT

from .workloads import IMAGES

each_image = pytest.mark.parametrize("image", IMAGES)
DIGEST = "sha256:" + "b" * 64


def bill(image: str) -> dict[str, Any]:
    document = json.loads(sbom.document(image, "1.2.3", base.read()._replace(digest=DIGEST)))
    assert isinstance(document, dict)
    return document


def libraries(image: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in bill(image)["components"] if each["type"] == "library"}


@each_image
def test_is_valid_by_the_schema_of_its_version(image: str) -> None:
    text = sbom.document(image, "1.2.3", base.read())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@each_image
def test_names_the_image_and_everything_it_depends_on(image: str) -> None:
    document = bill(image)
    root = document["metadata"]["component"]
    assert (root["name"], root["version"]) == (image, "1.2.3")
    (depends,) = (each["dependsOn"] for each in document["dependencies"] if each["ref"] == root["bom-ref"])
    assert set(depends) == {each["bom-ref"] for each in document["components"]}


@each_image
def test_lists_every_pinned_package_with_the_hashes_it_may_have(image: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements" / f"{image}.txt").read_text().strip())
    listed = libraries(image)
    for block in blocks:
        name, version = re.match(r"([\w.-]+)==([\w.]+)", block).groups()  # type: ignore[union-attr]  # each is pinned
        assert listed[name]["purl"] == f"pkg:pypi/{name}@{version}"
        hashes = {each["content"] for each in listed[name]["hashes"]}
        assert hashes == set(re.findall(r"sha256:(\w+)", block))


@each_image
def test_lists_what_is_built_here_and_the_base(image: str) -> None:
    assert image in libraries(image)
    assert ("task-events" in libraries(image)) == (image != "dev-issuer")
    (standing_on,) = (each for each in bill(image)["components"] if each["type"] == "container")
    assert standing_on["version"] == base.read().version
    assert standing_on["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]


def test_leaves_out_what_is_for_other_platforms() -> None:
    here = base.Base("python", "3.12.1-slim")
    markers = {
        "colorama==1 ; sys_platform == 'win32'": False,
        "uvloop==1 ; sys_platform != 'win32'": True,
        "cffi==1 ; platform_python_implementation != 'PyPy'": True,
        "tomli==1 ; python_full_version < '3.11'": False,
        "typing-extensions==1 ; python_version < '3.13'": True,
    }
    assert {line: bool(sbom.component(line, here)) for line in markers} == markers
