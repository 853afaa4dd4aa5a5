"""What the Dockerfiles put into /app, put together by their own commands without a container engine."""

from __future__ import annotations

import functools
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from images import dockerfiles
from images.dockerfiles import ROOT

from . import serving, workloads
from .compiled import assert_compiled, sources, spoil
from .workloads import IMAGES

UV = shutil.which("uv")


def compile_command(image: str, library: Path) -> list[str]:
    """The very command of the Dockerfile, for a tree elsewhere."""
    (arguments,) = re.findall(
        r"python (-m compileall [^&\n]*) /app/lib$", dockerfiles.text(image), re.MULTILINE
    )
    return [str(library.parent / "bin" / "python"), *shlex.split(arguments), str(library)]


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=100)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def install(app: Path, *arguments: str | Path) -> None:
    if UV:
        run(UV, "pip", "install", "--quiet", "--link-mode=copy", "--python", app / "bin/python", *arguments)
    else:
        run(
            sys.executable, "-m", "pip", "--python", app / "bin/python", "install", "--no-compile", *arguments
        )


def wheel(member: str, folder: Path) -> None:
    if UV:
        python = ("--python", sys.executable)
        run(UV, "build", "--quiet", "--wheel", "--no-build-isolation", *python, "--out-dir", folder, member)
    else:
        options = ("--no-deps", "--no-build-isolation", "--wheel-dir", folder)
        run(sys.executable, "-m", "pip", "wheel", "--quiet", *options, f"./{member}")


def members(image: str) -> list[str]:
    return re.findall(r"^COPY (\S+)/pyproject\.toml ", dockerfiles.text(image), re.MULTILINE)


def build(image: str, folder: Path) -> Path:
    app = folder / "app"
    run(sys.executable, "-m", "venv", "--without-pip", app)
    install(app, "--require-hashes", "-r", f"requirements/{image}.txt")
    for member in members(image):
        wheel(member, folder / "wheels")
    install(app, "--no-deps", *sorted((folder / "wheels").glob("*.whl")))
    run(*compile_command(image, app / "lib"))
    return app


@pytest.fixture(scope="session")
def built_tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each tree is built once, in whatever order the tests come."""

    @functools.cache
    def built(image: str) -> Path:
        return build(image, tmp_path_factory.mktemp(image))

    return built


@pytest.mark.xdist_group("images")
@pytest.mark.parametrize("image", IMAGES)
def test_should_ship_every_module_compiled_and_never_compile_again(
    image: str, built_tree: Callable[[str], Path]
) -> None:
    app = built_tree(image)
    assert any(path.match(f"{image.replace('-', '_')}/cli.py") for path in sources(app / "lib"))
    assert_compiled(app / "lib")


@pytest.mark.xdist_group("images")
@pytest.mark.parametrize("image", IMAGES)
def test_should_start_without_reading_a_source_and_answer_what_the_chart_asks(
    image: str, built_tree: Callable[[str], Path], tmp_path: Path, new_database: Callable[..., str]
) -> None:
    app = tmp_path / "app"
    shutil.copytree(built_tree(image), app, symlinks=True)
    spoil(app / "lib")
    before = contents(app)
    make_read_only(app)
    port = serving.free_port()
    script: list[str | Path] = [app / "bin/python", app / "bin" / image]
    variables = serving.environment(image, new_database(), port)
    if workloads.has_migrations(image):
        subprocess.run([*script, "migrate"], env=variables, check=True, timeout=60)
    arguments = workloads.arguments(image, port, data=str(tmp_path / "data"))
    with subprocess.Popen([*script, *arguments], env=variables) as process:
        try:
            serving.answers_what_the_chart_asks(image, port, process)
        finally:
            process.terminate()
    assert process.returncode == 0
    assert contents(app) == before


def contents(app: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in app.rglob("*")}


def make_read_only(app: Path) -> None:
    """For everybody but root, who may write anywhere: what was written shows in the contents as well."""
    for path in [app, *app.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
