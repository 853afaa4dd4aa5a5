"""The environments: each renders by the command at its head, and says only what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from helm.gates.environments import documented
from helm.render import CHART, ROOT, RenderError, render

from .objects import knative_services, merged, of_kind, one
from .test_values import DEFAULTS, leaves, nested

PRODUCTION = CHART / "values-production.yaml"
FILES = (PRODUCTION, *sorted((ROOT / "helm" / "environments").glob("*.yaml")))
ON_PRODUCTION = ("staging", "aks", "gke", "oke")
CLOUDS = ("aks", "gke", "oke")

each_documented = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def installed(name: str) -> dict[str, Any]:
    return documented(ROOT / "helm" / "environments" / f"{name}.yaml")


def test_should_have_the_environments_promised() -> None:
    assert {file.stem for file in FILES} == {"values-production", "dev", *ON_PRODUCTION}


@each_documented
def test_should_render_by_the_command_at_its_head(file: Path) -> None:
    assert "knative/task-api.yaml" in render(documented(file))


@each_documented
def test_should_be_production_unless_it_stands_alone(file: Path) -> None:
    assert documented(file).get("production", False) is (file.stem != "dev")


@each_documented
def test_should_say_only_what_differs(file: Path) -> None:
    below = DEFAULTS
    if file.stem in ON_PRODUCTION:
        below = merged(DEFAULTS, yaml.safe_load(PRODUCTION.read_text()))
    theirs = dict(leaves(below))
    own = list(leaves(yaml.safe_load(file.read_text())))
    assert own
    for path, value in own:
        assert theirs[path] != value, ".".join(path)


@pytest.mark.parametrize("name", CLOUDS)
def test_should_keep_three_to_ten_of_the_api_in_production(name: str) -> None:
    annotations = one("Service", "task-api", installed(name))["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/min-scale"] == "3"
    assert annotations["autoscaling.knative.dev/max-scale"] == "10"


@pytest.mark.parametrize("name", CLOUDS)
def test_should_keep_three_dashboards_and_more_in_production(name: str) -> None:
    page = {"dashboard": {"enabled": True}, "edge": {"appHost": "app.acme.io"}}
    (scaler,) = of_kind("HorizontalPodAutoscaler", merged(installed(name), page))
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 10)


@pytest.mark.parametrize("name", ON_PRODUCTION)
def test_should_run_no_development_issuer_in_production(name: str) -> None:
    assert "dev-issuer" not in {each["metadata"]["name"] for each in of_kind("Deployment", installed(name))}


def test_should_run_the_development_issuer_where_one_develops() -> None:
    values = installed("dev")
    assert "dev-issuer" in {each["metadata"]["name"] for each in of_kind("Deployment", values)}
    assert {each["metadata"]["name"] for each in knative_services(values)} == {"task-api", "analytics"}


@pytest.mark.parametrize(
    "path",
    [
        "image.registry",
        "oidc.issuer",
        "edge.apiHost",
        "edge.tls.email",
        "networkPolicy.database.cidrs",
    ],
)
def test_should_ask_for_what_only_the_operator_knows(path: str) -> None:
    keys = tuple(path.split("."))
    default = dict(leaves(DEFAULTS))[keys]
    section = path.removesuffix(".cidrs")
    with pytest.raises(RenderError, match=rf"^(\S+ has no )?{section.replace('.', '[.]')}[ :]"):
        render(merged(documented(PRODUCTION), nested(keys, default)))
