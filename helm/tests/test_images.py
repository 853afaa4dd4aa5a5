"""The images the chart names, built from their Dockerfiles without a container engine."""

from __future__ import annotations

import functools
import http.client
import importlib.util
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from helm.render import ROOT

from .dockerfiles import SERVICES, dockerfile
from .objects import WOKEN_FROM_ZERO, container, of_kind, one

UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: the source is never looked at
UV = shutil.which("uv")


def compile_command(service: str, library: Path) -> list[str]:
    """The very command of the Dockerfile, for a tree elsewhere; our Python has its own library compiled."""
    (arguments,) = re.findall(r"python (-m compileall .*?)(?:&&|$)", dockerfile(service), re.MULTILINE)
    words = [word for word in shlex.split(arguments) if word != "/usr/local/lib"]
    assert words[-1] == "/app/lib"
    return [str(library.parent / "bin" / "python"), *words[:-1], str(library)]


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


def build(service: str, folder: Path) -> Path:
    """What the Dockerfile puts into /app."""
    app = folder / "app"
    run(sys.executable, "-m", "venv", "--without-pip", app)
    install(app, "--require-hashes", "-r", f"requirements/{service}.txt")
    for member in ("contracts", f"functions/{service}"):
        wheel(member, folder / "wheels")
    install(app, "--no-deps", *sorted((folder / "wheels").glob("*.whl")))
    run(*compile_command(service, app / "lib"))
    return app


@pytest.fixture(scope="session")
def built_image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each image is built once, in whatever order the tests come."""

    @functools.cache
    def built(service: str) -> Path:
        return build(service, tmp_path_factory.mktemp(service))

    return built


def sources(app: Path) -> list[Path]:
    return sorted((app / "lib").rglob("*.py"))


@pytest.mark.xdist_group("images")
@pytest.mark.parametrize("service", SERVICES)
def test_should_ship_every_module_compiled_and_never_compile_again(
    service: str, built_image: Callable[[str], Path]
) -> None:
    app = built_image(service)
    assert any(path.match(f"{service.replace('-', '_')}/cli.py") for path in sources(app))
    for path in sources(app):
        compiled = Path(importlib.util.cache_from_source(path)).read_bytes()
        assert compiled[:4] == importlib.util.MAGIC_NUMBER, path
        assert compiled[4:8] == UNCHECKED_HASH, path
        assert compiled[8:16] == importlib.util.source_hash(path.read_bytes()), path


@pytest.mark.xdist_group("images")
@pytest.mark.parametrize("service", SERVICES)
def test_should_start_without_reading_a_source_and_answer_what_the_chart_asks(
    service: str, built_image: Callable[[str], Path], tmp_path: Path, new_database: Callable[..., str]
) -> None:
    app = tmp_path / "app"
    shutil.copytree(built_image(service), app, symlinks=True)
    for path in sources(app):
        path.write_text("raise RuntimeError('compiled from source')\n")
    before = contents(app)
    make_read_only(app)
    script: list[str | Path] = [app / "bin/python", app / "bin" / service]
    variables = environment(new_database())
    subprocess.run([*script, "migrate"], env=variables, check=True, timeout=60)
    with subprocess.Popen(script, env=variables) as process:
        try:
            port = int(variables["PORT"])
            assert until_it_answers(port, process) == 200
            for uri in probe_paths(service):
                assert (uri, ask(port, "GET", uri)) == (uri, 200)
            for uri in wake_up_paths(service):
                assert (uri, ask(port, "POST", uri)) == (uri, 204)
        finally:
            process.terminate()
    assert process.returncode == 0
    assert contents(app) == before


def environment(database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "OIDC_ISSUER": "http://127.0.0.1:1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": "0",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def contents(app: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in app.rglob("*")}


def make_read_only(app: Path) -> None:
    """For everybody but root, who may write anywhere: what was written shows in the contents as well."""
    for path in [app, *app.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def probe_paths(service: str) -> set[str]:
    probed = container(one("Service", service))
    return {probed[name]["httpGet"]["path"] for name in probed if name.endswith("Probe")}


def wake_up_paths(service: str) -> list[str]:
    sinks = [ping["spec"]["sink"] for ping in of_kind("PingSource", WOKEN_FROM_ZERO)]
    return [sink["uri"] for sink in sinks if sink["ref"]["name"] == service]


def ask(port: int, method: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()


def until_it_answers(port: int, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return ask(port, "GET", "/livez")
        except ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the service did not answer")
