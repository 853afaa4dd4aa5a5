"""The Dockerfiles, by the name of their image: the folder's, which is the package's and the Service's too."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASE = re.compile(r"^(ARG PYTHON_IMAGE=)(\S+)$", re.MULTILINE)


def paths(root: Path = ROOT) -> dict[str, Path]:
    found = [*root.glob("*/Dockerfile"), *root.glob("functions/*/Dockerfile")]
    return {path.parent.name: path for path in sorted(found, key=lambda path: path.parent.name)}


def text(image: str) -> str:
    """The file with its continued lines joined."""
    return paths()[image].read_text().replace("\\\n", " ")


def instructions(image: str, name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", text(image), re.MULTILINE)
