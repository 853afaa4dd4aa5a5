"""Where the cluster is and how images get there; read once, from E2E_… and KUBECONFIG."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from e2e.cluster.errors import ClusterError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class ClusterSettings:
    """Nothing else about the cluster is known to the tests."""

    api_url: str  # https:// and the host that leads to the Ingress controller
    ca_file: Path | None  # who signed its certificate; None for an authority that is trusted anyway
    image_command: str  # builds and loads one image; empty where they are there already
    registry: str
    tag: str
    namespace: str
    cluster_issuer: str  # cert-manager's, for the edge
    kourier_namespace: str
    values: Path | None  # more values for the chart, after all others
    artifacts: Path  # what is collected after a failure

    @property
    def api_host(self) -> str:
        return urlsplit(self.api_url).hostname or ""

    def image(self, name: str) -> str:
        return f"{self.registry}/{name}:{self.tag}"


def read_settings(environ: Mapping[str, str]) -> ClusterSettings:
    """Refuses in one sentence what cannot work; asks no cluster."""
    _check_kubeconfig(environ)
    _check_programs(environ)
    url = environ.get("E2E_API_URL", "").rstrip("/")
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise ClusterError(
            "E2E_API_URL is the address of the API through the Ingress controller, as in "
            f"https://api.example.com, not {url!r}."
        )
    return ClusterSettings(
        api_url=url,
        ca_file=_file(environ, "E2E_CA_FILE"),
        image_command=environ.get("E2E_IMAGE_COMMAND", ""),
        registry=environ.get("E2E_REGISTRY", "dev.local"),
        tag=environ.get("E2E_TAG", "0.1.0"),
        namespace=environ.get("E2E_NAMESPACE", "task-e2e"),
        cluster_issuer=environ.get("E2E_CLUSTER_ISSUER", "acme"),
        kourier_namespace=environ.get("E2E_KOURIER_NAMESPACE", "knative-serving"),
        values=_file(environ, "E2E_VALUES"),
        artifacts=Path(environ.get("E2E_ARTIFACTS", ROOT / ".local" / "e2e-cluster")),
    )


def _check_kubeconfig(environ: Mapping[str, str]) -> None:
    kubeconfig = environ.get("KUBECONFIG", "")
    if not kubeconfig:
        raise ClusterError("--system=cluster needs KUBECONFIG: set it to the file of the cluster to test on.")
    # kubectl takes a list, and the files of it that exist.
    if not any(Path(one).is_file() for one in kubeconfig.split(":") if one):
        raise ClusterError(f"There is no kubeconfig {kubeconfig}: check KUBECONFIG.")


def _check_programs(environ: Mapping[str, str]) -> None:
    for program in ("kubectl", "helm"):
        if shutil.which(program, path=environ.get("PATH")) is None:
            raise ClusterError(f"{program} is not on the PATH: install it first.")


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name, "")
    if value and not Path(value).is_file():
        raise ClusterError(f"There is no file {value}: check {name}.")
    return Path(value) if value else None
