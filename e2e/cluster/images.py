"""The images under test, built from the real Dockerfiles by whatever command suits the cluster."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import last_line
from e2e.cluster.settings import ROOT, ClusterSettings

POSTGRES = "e2e-postgres"  # also the Python that the recorder runs on
DOCKERFILES = {
    "task-api": ROOT / "functions" / "task-api" / "Dockerfile",
    "analytics": ROOT / "functions" / "analytics" / "Dockerfile",
    "dev-issuer": ROOT / "dev-issuer" / "Dockerfile",
    POSTGRES: ROOT / "e2e" / "postgres" / "Dockerfile",
}
PLACES = ("image", "dockerfile", "context")


def command(template: str, image: str, dockerfile: Path) -> str:
    """`{image}`, `{dockerfile}` and `{context}` of the template, each quoted for the shell."""
    # PostgreSQL's folder is all its image is made of; the others are made of several members.
    context = dockerfile.parent if dockerfile == DOCKERFILES[POSTGRES] else ROOT
    values = {"image": image, "dockerfile": str(dockerfile), "context": str(context)}
    try:
        return template.format(**{name: shlex.quote(value) for name, value in values.items()})
    except (KeyError, IndexError, ValueError) as error:
        raise ClusterError(
            f"E2E_IMAGE_COMMAND may use {{{'}, {'.join(PLACES)}}} and no other braces: {template!r}."
        ) from error


def bring(settings: ClusterSettings, log: Path) -> None:
    """Build and load each image; without a command they are the cluster's affair."""
    for name, dockerfile in DOCKERFILES.items() if settings.image_command else ():
        line = command(settings.image_command, settings.image(name), dockerfile)
        # A shell, because building and loading are two commands nearly everywhere.
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
        with log.open("a") as output:
            output.write(f"$ {line}\n{done.stdout}{done.stderr}\n")
        if done.returncode:
            raise ClusterError(
                f"Image {settings.image(name)} was not built ({last_line(done.stderr)}): "
                f"check E2E_IMAGE_COMMAND; all it said is in {log}."
            )
