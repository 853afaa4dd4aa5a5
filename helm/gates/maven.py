"""What is released on Maven Central, and a Java to run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from .finding import GateError

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>task-system</groupId><artifactId>jars</artifactId><version>0</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
DEPENDENCY = """
    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"""


def kept(name: str, make: Callable[[Path], None], cache: Path | None = None) -> Path:
    """A folder of the user's cache, made once: whole or not at all, also when two make it at the same time.

    Its name holds a version, and a version never changes.
    """
    cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "task-system"
    folder = cache / name
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            made = Path(work, name)
            made.mkdir()
            make(made)
            if not folder.exists():
                made.rename(folder)
    return folder


def download(coordinates: Sequence[str], folder: Path) -> None:
    """The jars of `group:artifact:version` and of all they need."""
    maven = shutil.which("mvn")
    if maven is None:
        raise GateError(f"Maven is missing, and with it {coordinates[0]}.")
    dependencies = "".join(DEPENDENCY.format(*each.split(":")) for each in coordinates)
    with tempfile.TemporaryDirectory() as project:
        Path(project, "pom.xml").write_text(POM.format(dependencies=dependencies))
        run([maven, "-q", "-B", COPY, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"], project)


def run(command: list[str], folder: str | Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise GateError(f"{Path(command[0]).name} failed: {said[0] if said else 'it said nothing'}")


def java(oldest: int, environment: Mapping[str, str] = os.environ, jvms: Path = Path("/usr/lib/jvm")) -> str:
    """The first Java that is new enough: an old one on the PATH does not hide it."""
    found = next((each for each in _javas(environment, jvms) if _version(each) >= oldest), None)
    if found is None:
        raise GateError(f"Java {oldest} or newer is missing.")
    return found


def _javas(environment: Mapping[str, str], jvms: Path) -> Iterator[str]:
    """JAVA_HOME, the PATH, the JAVA_HOME_<n>_<arch> of GitHub's machines, the folder where Linux keeps them."""
    if "JAVA_HOME" in environment:
        yield f"{environment['JAVA_HOME']}/bin/java"
    if on_path := shutil.which("java", path=environment.get("PATH", "")):
        yield on_path
    yield from (
        f"{environment[name]}/bin/java" for name in sorted(environment) if name.startswith("JAVA_HOME_")
    )
    yield from (str(each) for each in sorted(jvms.glob("*/bin/java")))


def _version(command: str) -> int:
    try:
        done = subprocess.run([command, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found else 0
