"""The objects beside the chart's: the namespace, a PostgreSQL, and a recorder of dead letters."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

import yaml

from e2e.cluster.images import POSTGRES
from e2e.cluster.kubectl import Object
from e2e.cluster.settings import ClusterSettings

HERE = Path(__file__).parent
VALUES = HERE / "values.yaml"
# Whatever bears it was made by these tests and goes with them.
OWNED = {"task-system-e2e": "owned"}


def namespace(name: str) -> Object:
    """Its pods are held to the strictest profile, ours and the chart's alike."""
    labels = OWNED | {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def supports(settings: ClusterSettings, password: str) -> list[Object]:
    """PostgreSQL with the Secrets around it, and the recorder with its program."""
    places = {
        "namespace": settings.namespace,
        "image": settings.image(POSTGRES),
        "password": password,
    }
    program = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "recorder", "namespace": settings.namespace},
        "data": {"recorder.py": (HERE / "recorder.py").read_text()},
    }
    files = [(HERE / name).read_text() for name in ("postgres.yaml", "recorder.yaml")]
    rendered = (Template(text).substitute(places) for text in files)
    return [program, *(one for text in rendered for one in yaml.safe_load_all(text))]


def values(settings: ClusterSettings) -> dict[str, Any]:
    """What values.yaml beside this file cannot know."""
    return {
        "image": {"registry": settings.registry, "tag": settings.tag},
        "oidc": {"issuer": f"http://dev-issuer.{settings.namespace}.svc.cluster.local"},
        "edge": {
            "apiHost": settings.api_host,
            "tls": {"issuer": settings.cluster_issuer},
            "kourier": {"namespace": settings.kourier_namespace},
        },
        "networkPolicy": {"database": {"namespace": settings.namespace}},
    }


def secret_name(settings: ClusterSettings) -> str:
    """The Secret with the database URLs, as the last of the values has it."""
    more = yaml.safe_load(settings.values.read_text()) or {} if settings.values else {}
    name: str = more.get("database", {}).get("secretName", "task-system-database")
    return name
