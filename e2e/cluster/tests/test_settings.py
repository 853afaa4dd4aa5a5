from __future__ import annotations

from pathlib import Path

import pytest

from e2e.cluster.errors import ClusterError
from e2e.cluster.settings import read_settings


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Enough to begin with; the programs are never run."""
    for program in ("kubectl", "helm"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    (tmp_path / "kubeconfig").touch()
    return {
        "PATH": str(tmp_path),
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "E2E_API_URL": "https://api.acme.io/",
    }


def test_a_kubeconfig_and_the_api_are_enough(environ: dict[str, str]) -> None:
    settings = read_settings(environ)

    assert (settings.api_url, settings.api_host) == ("https://api.acme.io", "api.acme.io")
    assert settings.image("task-api") == "dev.local/task-api:0.1.0"
    assert (settings.ca_file, settings.values, settings.image_command) == (None, None, "")


def test_one_file_of_a_list_of_kubeconfigs_is_enough(environ: dict[str, str]) -> None:
    environ["KUBECONFIG"] = f"/nowhere:{environ['KUBECONFIG']}"

    assert read_settings(environ).namespace == "task-e2e"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"PATH": "/nowhere"}, "kubectl is not on the PATH: install it first."),
        ({"KUBECONFIG": ""}, "--system=cluster needs KUBECONFIG: set it to the file"),
        ({"KUBECONFIG": "/nowhere/config"}, "There is no kubeconfig /nowhere/config: check KUBECONFIG."),
        ({"E2E_API_URL": ""}, "E2E_API_URL is the address of the API"),
        ({"E2E_API_URL": "http://api.acme.io"}, "not 'http://api.acme.io'"),
        ({"E2E_CA_FILE": "/nowhere/ca.pem"}, "There is no file /nowhere/ca.pem: check E2E_CA_FILE."),
        ({"E2E_VALUES": "/nowhere/values.yaml"}, "There is no file /nowhere/values.yaml: check E2E_VALUES."),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(
    environ: dict[str, str], change: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ClusterError) as refused:
        read_settings(environ | change)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
