"""The development issuer in a cluster: the chart's arguments against the program itself."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from helm.render import NAMESPACE

from .objects import Object, container, environment, merged, of_kind, one, pod_of

ON: dict[str, Any] = {"issuer": {"enabled": True}}


def deployment(values: dict[str, Any] | None = None) -> Object:
    return one("Deployment", "dev-issuer", merged(ON, values or {}))


def test_should_run_only_when_asked() -> None:
    assert not [each for each in of_kind("Deployment") if each["metadata"]["name"] == "dev-issuer"]
    assert deployment()["kind"] == "Deployment"


def test_should_be_the_issuer_task_api_asks() -> None:
    service = one("Service", "dev-issuer", ON)
    address = f"http://{service['metadata']['name']}.{NAMESPACE}.svc.cluster.local"
    assert environment(one("Service", "task-api", ON))["OIDC_ISSUER"]["value"] == address
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert service["spec"]["selector"] == deployment()["spec"]["template"]["metadata"]["labels"]
    assert deployment()["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]


def test_should_never_sign_with_two_keys() -> None:
    spec = deployment()["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_should_keep_the_key_of_a_secret_and_else_one_for_the_life_of_the_pod() -> None:
    (volume,) = pod_of(deployment())["volumes"]
    assert "emptyDir" in volume
    kept = deployment({"issuer": {"keySecretName": "dev-issuer-key"}})
    (volume,) = pod_of(kept)["volumes"]
    # 0440 and the group of the process: a Secret's files belong to root.
    assert volume["secret"] == {"secretName": "dev-issuer-key", "defaultMode": 0o440}
    assert pod_of(kept)["securityContext"]["fsGroup"] == container(kept)["securityContext"]["runAsGroup"]
    assert container(kept)["volumeMounts"] == [{"name": "key", "mountPath": "/data", "readOnly": True}]


def test_should_start_and_sign_with_the_arguments_of_the_chart(tmp_path: Path) -> None:
    """The very arguments, on loopback; the key it makes then serves as the Secret's, from a read-only folder."""
    first = discovered(tmp_path)
    (tmp_path / "signing-key.json").chmod(0o440)
    tmp_path.chmod(0o550)
    assert discovered(tmp_path) == first
    assert first["says"]["issuer"] == f"http://dev-issuer.{NAMESPACE}.svc.cluster.local"
    assert first["path"] == container(deployment())["livenessProbe"]["httpGet"]["path"]


def discovered(data: Path) -> dict[str, Any]:
    """What it says of itself and its keys, where the chart's probe asks."""
    port = free_port()
    here = {
        "--host=0.0.0.0": "--host=127.0.0.1",
        "--port=8080": f"--port={port}",
        "--data=/data": f"--data={data}",
    }
    given = container(deployment())["args"]
    assert set(here) <= set(given)
    path = container(deployment())["readinessProbe"]["httpGet"]["path"]
    command = [sys.executable, "-m", "dev_issuer.cli", *(here.get(word, word) for word in given)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert "ready" in process.stdout.readline()
            address = f"http://127.0.0.1:{port}"
            return {"path": path, "says": get(address + path), "keys": get(f"{address}/jwks.json")}
        finally:
            process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        document = json.load(answer)
    assert isinstance(document, dict)
    return document
