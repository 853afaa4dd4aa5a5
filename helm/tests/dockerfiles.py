"""The Dockerfiles of the services, as text."""

from __future__ import annotations

import re

from helm.render import ROOT

SERVICES = ("task-api", "analytics")


def dockerfile(service: str) -> str:
    """The file with its continued lines joined."""
    return (ROOT / "functions" / service / "Dockerfile").read_text().replace("\\\n", " ")


def instructions(service: str, name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", dockerfile(service), re.MULTILINE)
