"""A base image out of this machine's own Python, for builds where no registry can be reached.

It has what the Dockerfiles ask of any base: a shell, rm, and Python with pip. It is not the official image: no
Debian is around Python, so it is smaller.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

SHELL = ("/bin/sh", "/bin/rm")
# What the official image leaves out of Python's library as well, and the documents and editors around it.
LEFT_OUT = ("test", "tests", "idlelib", "turtledemo", "tkinter", "lib2to3", "site-packages", "dist-packages")
LEFT_OUT_FILES = ("__pycache__", "*.pyc", "*.a", "config-*", "EXTERNALLY-MANAGED")
# What every manylinux wheel may count on, and the official image has: Debian's apt needs it.
FOR_WHEELS = ("libstdc++.so.6", "libgcc_s.so.1", "libz.so.1", "libexpat.so.1")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

ASKED_OF_PYTHON = """
import json, sys, sysconfig
print(sys.executable, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sep="\\n")
"""


def make(root: Path) -> str:
    """Fill a folder with the base's files and return the text of the Dockerfile beside it."""
    # The base Python, and not the environment the tests run in: it tells other places.
    executable, library, packages = map(Path, _output(_base_python(), "-c", ASKED_OF_PYTHON).split())
    _copy_file(root, executable.resolve())
    shutil.copytree(library, _inside(root, library), ignore=_ignored)
    _install_pip(root, packages)
    _link(root, Path("/usr/local/bin/python"), executable.resolve())
    for program in SHELL:
        _copy_file(root, Path(program))
    programs = [executable.resolve(), *map(Path, SHELL), *library.rglob("*.so")]
    for needed in _libraries(programs) | _known_libraries(FOR_WHEELS):
        _copy_file(root, needed)
    _copy_file(root, CERTIFICATES)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    _inside(root, Path("/etc/passwd")).write_text("root:x:0:0:root:/root:/bin/sh\n")
    _open_to_everybody(root)
    path = ":".join(dict.fromkeys(["/usr/local/bin", str(_scripts(packages)), "/usr/bin", "/bin"]))
    return f"FROM scratch\nCOPY . /\nENV PATH={path}\n"


def reference() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    return f"localhost/python:{version}-local"


def _base_python() -> str:
    return str(getattr(sys, "_base_executable", sys.executable))


def _install_pip(root: Path, packages: Path) -> None:
    """pip as ensurepip brings it, where the base keeps its packages, so that it can be uninstalled."""
    target = _inside(root, packages)
    target.mkdir(parents=True)
    environment = root.parent / "with-pip"
    _output(_base_python(), "-m", "venv", str(environment))
    for found in (environment / sysconfig.get_path("purelib", "venv", {"base": ""}).lstrip("/")).glob("pip*"):
        shutil.copytree(found, target / found.name, ignore=_ignored)
    script = _inside(root, _scripts(packages) / "pip")
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(
        "#!/usr/local/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)


def _scripts(packages: Path) -> Path:
    """Where pip's own record, ../../../bin/pip, says its command is."""
    return packages.parents[2] / "bin"


def _libraries(programs: Iterable[Path]) -> set[Path]:
    """The shared libraries of these programs, the loader included."""
    printed = "".join(_output("ldd", str(program)) for program in programs)
    words = {word for word in printed.split() if word.startswith("/")}
    return {Path(word) for word in words if not word.endswith(":")}


def _known_libraries(names: Iterable[str]) -> set[Path]:
    listed = re.findall(r"^\s*(\S+) \(.*\) => (/\S+)$", _output("/sbin/ldconfig", "-p"), re.MULTILINE)
    return {Path(path) for name, path in listed if name in names}


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout


def _ignored(folder: str, names: list[str]) -> set[str]:
    return shutil.ignore_patterns(*LEFT_OUT, *LEFT_OUT_FILES)(folder, names)


def _inside(root: Path, path: Path) -> Path:
    return root / str(path).lstrip("/")


def _copy_file(root: Path, path: Path) -> None:
    target = _inside(root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def _link(root: Path, path: Path, to: Path) -> None:
    link = _inside(root, path)
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(to)


def _open_to_everybody(root: Path) -> None:
    """The user in the image is not the one whose Python this is."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
