"""The images themselves, built by `make images` and run as a pod would run them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images import origin
from images.dockerfiles import ROOT

from . import builder, local_base, serving, workloads
from .builder import Builder, running, terminate
from .compiled import assert_compiled, spoil
from .workloads import IMAGES

REGISTRY, TAG = "localhost/built", "0.0.0-test"
LIMIT = 120_000_000
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy")
CANARY = uuid.uuid4().hex  # stands in pip's configuration, which may hold a password
BUILD_TOOLS = re.compile(r"(pip|uv|uvx|hatch|hatchling|gcc|cc|c\+\+|g\+\+|clang|make|ld)(-?\d[\d.]*)?")

pytestmark = [
    pytest.mark.skipif(bool(builder.unavailable()), reason=f"no image can be built: {builder.unavailable()}"),
    pytest.mark.xdist_group("built images"),
    pytest.mark.timeout(900),  # the first of them builds all
]
each_image = pytest.mark.parametrize("name", IMAGES)


@pytest.fixture(scope="session")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bills")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, bills: Path) -> Iterator[Builder]:
    folder = tmp_path_factory.mktemp("images")
    engine = Builder(folder / "storage")
    (folder / "base").mkdir()
    (folder / "Dockerfile").write_text(local_base.make(folder / "base"))
    engine.buildah(
        "build",
        "--isolation=chroot",
        "--file",
        folder / "Dockerfile",
        "--tag",
        local_base.reference(),
        folder / "base",
    )
    engine.make_images(
        f"--registry={REGISTRY}",
        f"--tag={TAG}",
        f"--base={local_base.reference()}",
        f"--pip-conf={pip_conf(folder)}",
        f"--out={bills}",
    )
    try:
        yield engine
    finally:
        engine.buildah("umount", "--all")
        engine.buildah("rm", "--all")
        shutil.rmtree(folder)


def reference(name: str) -> str:
    return f"{REGISTRY}/{name}:{TAG}"


def pip_conf(folder: Path) -> Path:
    """How this machine reaches its package index; certificates are where Debian has them, in the base too."""
    environment = folder / "with-pip"  # the base's pip came from it
    listed = subprocess.run(
        [environment / "bin/python", "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = dict(re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
    kept = {key: value for key, value in found.items() if key in PIP_SETTINGS}
    kept["cert"] = str(local_base.CERTIFICATES)
    path = folder / "pip.conf"
    path.write_text(f"# {CANARY}\n[global]\n" + "".join(f"{key} = {value}\n" for key, value in kept.items()))
    return path


@each_image
def test_should_be_below_the_size_it_may_have(name: str, built: Builder) -> None:
    compressed = built.compressed(reference(name))
    print(f"{name}: {compressed / 1e6:.1f} MB compressed")
    assert 1_000_000 < compressed < LIMIT


@each_image
def test_should_say_who_it_is_and_where_it_came_from(name: str, built: Builder) -> None:
    labels = built.image(reference(name)).config["Labels"]
    stated = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert stated["title"] == name
    assert stated["version"] == TAG
    assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", stated["revision"])
    assert bool(stated["revision"]) == bool(origin.revision(ROOT))
    assert stated["source"] == origin.source(ROOT)
    assert stated["base.name"] == local_base.reference()


@each_image
def test_should_run_as_nobody_special_and_start_its_own_program(name: str, built: Builder) -> None:
    config = built.image(reference(name)).config
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == [name]
    assert not config.get("Cmd")


@each_image
def test_should_hold_nothing_that_builds_or_installs(name: str, built: Builder) -> None:
    root = built.image(reference(name)).root
    programs = [path for folder in root.rglob("bin") for path in folder.iterdir()]
    assert root / "app/bin" / name in programs
    assert [path for path in programs if BUILD_TOOLS.fullmatch(path.name)] == []
    assert [*root.rglob("pip"), *root.rglob("ensurepip"), *root.rglob("hatchling")] == []


@each_image
def test_should_keep_nothing_of_how_packages_were_reached(name: str, built: Builder) -> None:
    image = built.image(reference(name))
    assert CANARY not in built.buildah("inspect", "--type=image", reference(name))
    files = [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert image.root / "app/bin" / name in files
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


@each_image
def test_should_ship_python_and_all_packages_compiled(name: str, built: Builder) -> None:
    root = built.image(reference(name)).root
    library = next(path for path in root.rglob("asyncio") if path.parent.name.startswith("python")).parent
    assert_compiled(library)
    assert_compiled(root / "app/lib")


@each_image
def test_should_list_exactly_what_is_installed(name: str, built: Builder, bills: Path) -> None:
    bill = json.loads((bills / f"{name}.cdx.json").read_text())
    listed = {canonical(each["name"]) for each in bill["components"] if each["type"] == "library"}
    (packages,) = (built.image(reference(name)).root / "app/lib").glob("python*/site-packages")
    installed = {canonical(path.name.split("-")[0]) for path in packages.glob("*.dist-info")}
    assert listed == installed


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@each_image
def test_should_serve_from_a_read_only_root_and_stop_when_told(
    name: str, built: Builder, new_database: Callable[..., str]
) -> None:
    """Without a single source, as process 1, with the arguments and the volumes of the chart."""
    image = built.image(reference(name))
    for library in {path.parent for path in image.root.rglob("asyncio")} | {image.root / "app/lib"}:
        spoil(library)
    before = {path: path.lstat().st_mtime_ns for path in image.root.rglob("*")}
    port = serving.free_port()
    variables = serving.environment(name, new_database(), port)
    volumes = workloads.writable_folders(name)
    if workloads.has_migrations(name):
        with running(image, ["migrate"], variables, volumes) as migration:
            assert migration.wait(60) == 0
    with running(image, workloads.arguments(name, port), variables, volumes) as process:
        serving.answers_what_the_chart_asks(name, port, process)
        status = Path(f"/proc/{builder.first_process(process)}/status").read_text()
        assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE)
        assert terminate(process) == 0
    after = {path: path.lstat().st_mtime_ns for path in image.root.rglob("*")}
    assert {path for path in after if after[path] != before.get(path)} <= {
        image.root / each.strip("/") for each in [*volumes, "dev", "proc", ""]
    }
