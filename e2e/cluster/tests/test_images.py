from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from e2e.cluster import images
from e2e.cluster.errors import ClusterError
from e2e.cluster.settings import ROOT, ClusterSettings


def test_the_template_gets_each_place_quoted() -> None:
    line = images.command("build {context} -f {dockerfile} && load {image}", "a b", Path("/x/Dockerfile"))

    assert line == f"build {ROOT} -f /x/Dockerfile && load 'a b'"


def test_postgres_is_built_from_its_own_folder() -> None:
    dockerfile = images.DOCKERFILES[images.POSTGRES]

    assert images.command("{context}", "x", dockerfile) == str(ROOT / "e2e" / "postgres")


@pytest.mark.parametrize("template", ["build {unknown}", "build {", "build {}"])
def test_other_braces_are_refused(template: str) -> None:
    with pytest.raises(ClusterError, match=r"may use \{image\}, \{dockerfile\}, \{context\}"):
        images.command(template, "x", Path("Dockerfile"))


def test_every_image_is_built_once(settings: ClusterSettings, tmp_path: Path) -> None:
    built = tmp_path / "built"
    given = dataclasses.replace(settings, image_command=f"echo {{image}} >> {built}")

    images.bring(given, tmp_path / "log")

    names = ("task-api", "analytics", "dev-issuer", "e2e-postgres")
    assert built.read_text().split() == [f"registry.acme.io/tasks/{name}:1.2.3" for name in names]


def test_a_build_that_fails_says_why_and_where_the_rest_is(settings: ClusterSettings, tmp_path: Path) -> None:
    given = dataclasses.replace(settings, image_command="echo first; echo no space left >&2; exit 3; {image}")

    with pytest.raises(ClusterError) as failed:
        images.bring(given, tmp_path / "log")

    assert "task-api:1.2.3 was not built (no space left): check E2E_IMAGE_COMMAND" in str(failed.value)
    assert "first\nno space left" in (tmp_path / "log").read_text()


def test_postgres_has_the_base_image_of_the_others_and_the_laptops_version() -> None:
    """Nobody else sees this Dockerfile: `make images` builds what is released."""
    bases = {
        line
        for path in images.DOCKERFILES.values()
        for line in re.findall(r"^ARG PYTHON_IMAGE=.*$", path.read_text(), re.MULTILINE)
    }
    pinned = (ROOT / "e2e" / "postgres" / "requirements.txt").read_text().strip()

    assert len(bases) == 1
    assert pinned in (ROOT / "requirements" / "run.txt").read_text()
