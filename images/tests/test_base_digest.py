"""`make base-digest` on a copy of the files it writes, with a registry on this machine."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from images import base, dockerfiles
from images.dockerfiles import ROOT

from . import fake_registry

MANIFEST = json.dumps({"schemaVersion": 2, "manifests": [{"platform": {"os": "linux"}}]}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
BEARER = 'Bearer realm="http://{host}/token",service="registry.test",scope="repository:library/python:pull"'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for path in [ROOT / "versions.toml", *dockerfiles.paths().values()]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


def moved_to(checkout: Path, host: str) -> None:
    """The same base, in a registry of this machine."""
    for path in files(checkout):
        path.write_text(path.read_text().replace("docker.io/library/python", f"{host}/library/python"))


def files(checkout: Path) -> list[Path]:
    return [checkout / "versions.toml", *dockerfiles.paths(checkout).values()]


def texts(checkout: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in files(checkout)}


def base_digest(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "images", "base-digest", f"--root={checkout}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("login", ["", BEARER], ids=["open", "token"])
def test_the_digest_is_written_wherever_the_base_is_named_and_nothing_else_is(
    checkout: Path, login: str
) -> None:
    tag = base.read(checkout).version
    with fake_registry.serving("library/python", tag, MANIFEST, login) as registry:
        moved_to(checkout, registry.host)
        before = texts(checkout)
        done = base_digest(checkout)
    assert done.returncode == 0, done.stderr
    reference = f"{registry.host}/library/python:{tag}@{DIGEST}"
    assert done.stdout == f"Pinned: {reference}\n"
    for path, text in texts(checkout).items():
        if path.name == "Dockerfile":
            assert f"\nARG PYTHON_IMAGE={reference}\n" in text
        plain = re.sub(r'\ndigest = ".*"|@sha256:[0-9a-f]{64}', "", text)
        assert plain == re.sub(r'\ndigest = ".*"|@sha256:[0-9a-f]{64}', "", before[path])
    assert str(base.read(checkout)) == reference
    assert "index" in registry.accepted[0]  # the digest of all platforms, and not of the one asked from


def test_a_second_time_replaces_the_digest_and_may_move_the_tag(checkout: Path) -> None:
    with fake_registry.serving("library/python", "3.99.1-slim", MANIFEST) as registry:
        moved_to(checkout, registry.host)
        base.write(checkout, base.read(checkout)._replace(digest="sha256:" + "0" * 64))
        assert base_digest(checkout, "--base-tag=3.99.1-slim").returncode == 0
        first = texts(checkout)
        assert base_digest(checkout).returncode == 0
    assert texts(checkout) == first
    assert base.read(checkout)[1:] == ("3.99.1-slim", DIGEST)
    assert all("0" * 64 not in text for text in first.values())


def test_other_sections_of_the_versions_stay_as_they_are(checkout: Path) -> None:
    path = checkout / "versions.toml"
    path.write_text(path.read_text() + '\n# After it.\n[later]\nversion = "1"\ndigest = "x"\n')
    base.write(checkout, base.read(checkout)._replace(digest=DIGEST))
    versions = tomllib.loads(path.read_text())
    assert versions["base-image"]["digest"] == DIGEST
    assert versions["later"] == {"version": "1", "digest": "x"}
    assert "\n\n# After it.\n[later]\n" in path.read_text()


def test_a_registry_that_cannot_be_reached_changes_nothing(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        moved_to(checkout, f"127.0.0.1:{server.getsockname()[1]}")
    refused(checkout, "could not be looked up")


@pytest.mark.parametrize(
    ("tag", "login"),
    [("another", ""), ("", 'Basic realm="members"'), ("", 'Bearer realm="file:///etc/hostname"')],
    ids=["no such tag", "members only", "a strange realm"],
)
def test_a_registry_that_does_not_tell_changes_nothing(checkout: Path, tag: str, login: str) -> None:
    tag = tag or base.read(checkout).version
    with fake_registry.serving("library/python", tag, MANIFEST, login) as registry:
        moved_to(checkout, registry.host)
        refused(checkout, "could not be looked up")


def refused(checkout: Path, said: str) -> None:
    before = texts(checkout)
    done = base_digest(checkout)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert texts(checkout) == before
