"""The chart under every kind of values: what it renders is understood by the laptop, or refused in one sentence."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from helm.gates.environments import documented
from helm.render import CHART, render, write
from helm.tests.objects import VARIANTS, WITHOUT_KAFKA, merged

from e2e.systems.local import BIN, ROOT

ENVIRONMENTS = [CHART / "values-production.yaml", *sorted((ROOT / "helm" / "environments").glob("*.yaml"))]
# What the dashboard needs of a profile; its program is not there yet, so any other stands for it.
DASHBOARD = '[secrets.dashboard-session]\nkey = "0123456789abcdef"\n[images]\ndashboard = ["true"]\n'


def explained(
    folder: Path, values: dict[str, Any], profile: str = DASHBOARD
) -> subprocess.CompletedProcess[str]:
    """`knative-local run --explain` on the chart with these values."""
    write(render(values), folder)
    (folder / "laptop.toml").write_text((ROOT / "laptop.toml").read_text() + profile)
    return subprocess.run(
        [BIN / "knative-local", "run", "--explain", "--profile", folder / "laptop.toml"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda path: path.stem)
def test_every_environment_is_understood(tmp_path: Path, file: Path) -> None:
    told = explained(tmp_path, documented(file))

    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_understood_or_has_no_kafka(tmp_path: Path, name: str) -> None:
    values = VARIANTS[name]
    kafka = values.get("broker", {}).get("class", "Kafka") == "Kafka"

    told = explained(tmp_path, values)

    assert told.returncode == (0 if kafka else 2)
    assert kafka or "only class Kafka runs here, not 'MTChannelBasedBroker'" in told.stderr


def test_whatever_has_no_effect_is_listed_with_its_file(tmp_path: Path) -> None:
    more = {
        "dashboard": {"enabled": True},
        "edge": {"appHost": "app.acme.io"},
        "resourceQuota": {"enabled": True},
    }
    told = explained(tmp_path, merged(documented(CHART / "values-production.yaml"), more))

    for kind in ("networkpolicy", "pdb", "ingress", "clusterissuer", "podmonitor", "resourcequota", "hpa"):
        files = list((tmp_path / "knative").glob(f"{kind}*.yaml"))
        assert files
        assert all(f"{file}:" in told.stdout for file in files)


@pytest.mark.parametrize(
    ("values", "place", "sentence"),
    [
        (
            {"dashboard": {"enabled": True}},
            "knative/deployment-dashboard.yaml",
            "the profile has no [secrets.dashboard-session]",
        ),
        (WITHOUT_KAFKA, "eventing/broker.yaml", "only class Kafka runs here, not 'MTChannelBasedBroker'"),
        (
            {"issuer": {"enabled": True, "keySecretName": "issuer-key"}},
            "knative/deployment-dev-issuer.yaml",
            "a process cannot be given a file at a container's path",
        ),
    ],
)
def test_what_does_not_run_here_is_refused_in_one_sentence(
    tmp_path: Path, values: dict[str, Any], place: str, sentence: str
) -> None:
    told = explained(tmp_path, values, profile="")

    assert told.returncode == 2
    assert told.stderr.startswith(f"knative-local: {tmp_path / place}:")
    assert sentence in told.stderr
    assert told.stderr.count("\n") == 1
