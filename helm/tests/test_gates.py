"""The gates as a command, Helm's lint, and which environments they take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from helm.gates import invariants, lint
from helm.gates.environments import Environment, documented, of_chart, of_folders
from helm.gates.finding import GateError
from helm.render import ROOT

from .gated import environments, passes

pytestmark = [pytest.mark.xdist_group("gates"), pytest.mark.timeout(300)]


def test_should_pass_helms_own_lint_in_every_environment() -> None:
    assert passes(lint.check(environments()))


def test_should_fail_helms_own_lint_with_a_value_the_chart_does_not_know() -> None:
    (finding, *_) = lint.check([Environment("typo", {"logLevels": "DEBUG"})]).findings
    assert "logLevels" in finding.message


def test_should_hold_every_invariant_in_every_environment() -> None:
    assert passes(invariants.check(environments()))


def test_should_take_every_file_of_values_there_is() -> None:
    files = {path.stem for path in (ROOT / "helm" / "environments").glob("*.yaml")}
    assert files >= {"dev", "staging", "aks", "gke", "oke"}
    assert {each.name for each in of_chart()} == {"default", "values-production", *files}


def test_should_take_what_is_written_by_hand() -> None:
    kinds = {each["kind"] for one in of_folders() for each in one.objects}
    assert {"Kafka", "KafkaTopic", "KafkaUser", "KnativeServing", "KnativeEventing"} <= kinds


def test_should_combine_values_as_the_head_of_the_file_says() -> None:
    values = documented(ROOT / "helm" / "environments" / "gke.yaml")
    assert values["production"] is True  # from values-production.yaml, named before it
    assert values["oidc"]["issuer"].startswith("https://")  # from --set


@pytest.mark.parametrize(
    "head", ["", "# Values.\n", "# helm install x helm/task-system --values helm/environments/other.yaml\n"]
)
def test_should_refuse_a_file_of_values_that_does_not_say_how_it_is_used(head: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"{head}logLevel: DEBUG\n")
    with pytest.raises(GateError, match="names no helm command with --values of itself"):
        documented(file)


def command(
    *arguments: str | Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "helm.gates", *arguments],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_should_report_the_named_gates_as_json_and_succeed_when_nothing_is_found(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("logLevel: DEBUG\n")
    done = command("--values", file, "--output", "json", "--gate", "lint", "--gate", "invariants")
    lint_result, invariants_result = json.loads(done.stdout)
    assert lint_result == {"gate": "lint", "checked": 1, "findings": [], "skipped": ""}
    assert invariants_result["findings"] == []
    assert invariants_result["checked"] > 10
    assert done.returncode == 0


def test_should_fail_and_name_what_is_found(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("deadLetter: {topic: letters}\n")
    done = command("--values", file, "--gate", "invariants")
    assert done.returncode == 1
    assert "invariants: values: KafkaSink/dead-letter: its topic is letters" in done.stdout


def test_should_say_what_is_wrong_with_the_values_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("logLevels: DEBUG\n")
    done = command("--values", file, "--gate", "invariants")
    assert done.returncode == 2
    assert done.stderr.startswith("gates: values: ")
    assert "additional properties 'logLevels' not allowed" in done.stderr


@pytest.mark.parametrize(("ci", "code"), [({}, 0), ({"CI": "true"}, 1)], ids=["elsewhere", "CI"])
def test_should_say_what_it_skips_without_go_and_fail_where_that_must_be_there(
    ci: dict[str, str], code: int, tmp_path: Path
) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("logLevel: DEBUG\n")
    arguments = ("--values", file, "--gate", "crds", "--output", "json")
    done = command(*arguments, variables={"PATH": str(tmp_path), "HOME": str(tmp_path), **ci})
    (result,) = json.loads(done.stdout)
    assert result["skipped"].startswith("Go is missing, and with it the CRDs of knative.dev/operator@")
    assert done.returncode == code
