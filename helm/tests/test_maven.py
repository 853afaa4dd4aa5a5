"""Finding a Java that is new enough, and keeping what was downloaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helm.gates import maven
from helm.gates.finding import GateError
from helm.render import ROOT


def fake_java(home: Path, version: str) -> Path:
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
    command.chmod(0o755)
    return command


def test_should_take_the_java_of_java_home_before_that_on_the_path(tmp_path: Path) -> None:
    home, on_path = fake_java(tmp_path / "home", "21.0.9"), fake_java(tmp_path / "path", "25.0.1")
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert maven.java(21, environment, tmp_path) == str(home)


def test_should_look_behind_a_java_that_is_too_old(tmp_path: Path) -> None:
    old, new = fake_java(tmp_path / "path", "17.0.15"), fake_java(tmp_path / "jvms" / "temurin-25", "25")
    environment = {"JAVA_HOME": str(tmp_path / "nowhere"), "PATH": str(old.parent)}
    assert maven.java(21, environment, tmp_path / "jvms") == str(new)
    assert maven.java(17, environment, tmp_path / "jvms") == str(old)


def test_should_find_the_javas_of_a_hosted_ci_machine(tmp_path: Path) -> None:
    new = fake_java(tmp_path / "21", "21.0.9")
    fake_java(tmp_path / "11", "11.0.28")
    environment = {
        "JAVA_HOME_11_X64": str(tmp_path / "11"),
        "JAVA_HOME_21_X64": str(tmp_path / "21"),
        "PATH": "",
    }
    assert maven.java(21, environment, tmp_path / "none") == str(new)


def test_should_say_which_java_is_missing(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"^Java 21 or newer is missing\.$"):
        maven.java(21, {"PATH": ""}, tmp_path)


def test_should_keep_what_was_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "jar").touch()

    first = maven.kept("thing-1", make, tmp_path)
    assert (maven.kept("thing-1", make, tmp_path), len(made)) == (first, 1)
    assert [path.name for path in first.iterdir()] == ["jar"]


def test_should_keep_nothing_of_what_failed(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "half").touch()
        raise GateError("The registry is away.")

    with pytest.raises(GateError):
        maven.kept("thing-1", make, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_should_leave_alone_what_another_process_made_meanwhile(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (tmp_path / "thing-1").mkdir()
        (tmp_path / "thing-1" / "theirs").touch()

    assert [path.name for path in maven.kept("thing-1", make, tmp_path).iterdir()] == ["theirs"]


def test_should_say_that_maven_is_missing(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from helm.gates import maven\n"
        f"try: maven.download(['a:b:1'], Path({str(tmp_path)!r}))\n"
        "except maven.GateError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "Maven is missing, and with it a:b:1.\n"


def test_should_give_the_first_words_of_what_failed(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"^sh failed: no such artifact$"):
        maven.run(["/bin/sh", "-c", "echo no such artifact; exit 1"], tmp_path)
