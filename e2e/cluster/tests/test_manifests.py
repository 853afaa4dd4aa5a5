from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml
from helm.render import render
from helm.tests.objects import merged

from e2e.cluster import manifests
from e2e.cluster.settings import ClusterSettings

CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}


def _objects(settings: ClusterSettings, kind: str) -> dict[str, Any]:
    found = manifests.supports(settings, "s3cret")
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def test_everything_is_in_the_chosen_namespace(settings: ClusterSettings) -> None:
    found = manifests.supports(settings, "s3cret")

    assert {one["metadata"]["namespace"] for one in found} == {"elsewhere"}


def test_every_pod_is_restricted_and_has_a_policy_of_its_own(settings: ClusterSettings) -> None:
    deployments, policies = _objects(settings, "Deployment"), _objects(settings, "NetworkPolicy")

    assert deployments.keys() == policies.keys() == {"postgres", "recorder"}
    for name, deployment in deployments.items():
        pod = deployment["spec"]["template"]
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"].items() >= CONTAINER.items()
        assert container["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["image"] == "registry.acme.io/tasks/e2e-postgres:1.2.3"
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert (
            policies[name]["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        )
        assert policies[name]["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert "egress" not in policies[name]["spec"]


def test_the_services_are_given_the_url_of_that_database(settings: ClusterSettings) -> None:
    secret = _objects(settings, "Secret")["task-system-database"]

    host = "postgres.elsewhere.svc.cluster.local"
    assert secret["stringData"] == {"url": f"postgresql://postgres:s3cret@{host}:5432/postgres"}


def test_the_chart_renders_with_these_values(settings: ClusterSettings) -> None:
    overlay = yaml.safe_load(manifests.VALUES.read_text())

    # The namespace of the tests' renderer, which the issuer's address has to fit.
    here = dataclasses.replace(settings, namespace="task-system")
    rendered = render(merged(overlay, manifests.values(here)))

    text = "\n".join(str(one) for one in rendered.values())
    assert "registry.acme.io/tasks/task-api:1.2.3" in text
    assert "http://dev-issuer.task-system.svc.cluster.local" in text
    assert "MTChannelBasedBroker" in text
    assert "api.acme.io" in text


def test_the_secret_looked_for_is_the_one_the_values_name(settings: ClusterSettings, tmp_path: Path) -> None:
    more = tmp_path / "values.yaml"
    more.write_text("database: {secretName: mine}\n")

    assert manifests.secret_name(settings) == "task-system-database"
    assert manifests.secret_name(dataclasses.replace(settings, values=more)) == "mine"
