"""The command: files in, files out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helm.render import HEADER, ROOT, RenderError, differences, places_of, render, templates, write

from .objects import VARIANTS, WOKEN_FROM_ZERO


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "helm" / "render.py"
    return subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_should_find_the_committed_files_to_be_the_default_render() -> None:
    done = command("--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS.keys())
def test_should_write_one_document_per_file_with_the_header_inside_it(values: dict[str, object]) -> None:
    for path, text in render(values).items():
        assert text.startswith(HEADER), path
        assert len(list(yaml.safe_load_all(text))) == 1, path
        assert "\n---" not in text, path


def test_should_map_template_folders_to_the_folders_of_the_repository() -> None:
    assert places_of(["eventing/a.yaml", "knative/b.yaml", "edge/c.yaml"]) == {
        "eventing/a.yaml": "eventing/a.yaml",
        "knative/b.yaml": "knative/b.yaml",
        "knative/c.yaml": "edge/c.yaml",
    }


def test_should_write_the_files_users_look_for() -> None:
    assert set(render(WOKEN_FROM_ZERO)) >= {
        "eventing/broker-config.yaml",
        "eventing/broker.yaml",
        "eventing/pingsource-task-api.yaml",
        "eventing/sink-dead-letter.yaml",
        "eventing/sink-task-completed.yaml",
        "eventing/sink-task-created.yaml",
        "eventing/sink-task-deleted.yaml",
        "eventing/sink-task-updated.yaml",
        "eventing/trigger-analytics.yaml",
        "eventing/trigger-task-completed.yaml",
        "eventing/trigger-task-created.yaml",
        "eventing/trigger-task-deleted.yaml",
        "eventing/trigger-task-updated.yaml",
        "knative/analytics-migrate.yaml",
        "knative/analytics.yaml",
        "knative/serviceaccount-analytics-migrate.yaml",
        "knative/serviceaccount-analytics.yaml",
        "knative/serviceaccount-task-api-migrate.yaml",
        "knative/serviceaccount-task-api.yaml",
        "knative/task-api-migrate.yaml",
        "knative/task-api.yaml",
    }


def test_should_leave_no_template_without_a_place() -> None:
    assert {name for name in templates() if "/" not in name} == {"NOTES.txt", "validate.yaml"}


def test_should_refuse_two_templates_of_one_name() -> None:
    with pytest.raises(
        RenderError, match=r"templates/knative/a\.yaml and templates/edge/a\.yaml would both be"
    ):
        places_of(["knative/a.yaml", "edge/a.yaml", "eventing/a.yaml"])


def test_should_write_other_values_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("analytics: {autoscaling: {window: 6s, maxScale: 5}}\nlogLevel: DEBUG\n")
    done = command(
        "--values",
        file,
        "--set",
        "analytics.autoscaling.maxScale=7",
        "--set",
        "oidc.audience=x",
        "--output",
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "knative/analytics.yaml").read_text()
    assert "autoscaling.knative.dev/window: 6s" in text
    assert 'autoscaling.knative.dev/max-scale: "7"' in text  # --set wins over --values
    assert not (tmp_path / "helm").exists()


def test_should_find_the_schema_and_the_table_of_values_to_be_generated() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "helm.values", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_should_give_kn_one_service_in_the_file_it_reads() -> None:
    """kn service apply reads the first document and refuses what is no Service."""
    documents = list(yaml.safe_load_all((ROOT / "knative" / "task-api.yaml").read_text()))
    assert [(each["apiVersion"], each["kind"]) for each in documents] == [
        ("serving.knative.dev/v1", "Service")
    ]


def test_should_keep_the_explanations(tmp_path: Path) -> None:
    assert "Never rename it" in render()["eventing/trigger-analytics.yaml"]


def test_should_leave_out_the_labels_only_helm_needs() -> None:
    assert "helm.sh/chart" not in "".join(render().values())
    for path, text in render(helm_labels=True).items():
        assert yaml.safe_load(text)["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm", path


def test_should_show_a_change_by_hand_and_fail(tmp_path: Path) -> None:
    write(render(), tmp_path)
    file = tmp_path / "eventing" / "broker.yaml"
    file.write_text(file.read_text().replace("retry: 10", "retry: 3"))
    done = command("--check", "--output", tmp_path)
    assert done.returncode == 1
    assert "-    retry: 3\n+    retry: 10\n" in done.stderr
    assert "retry: 3" in file.read_text()


def test_should_remove_what_is_no_longer_rendered_and_nothing_else(tmp_path: Path) -> None:
    write(render(WOKEN_FROM_ZERO), tmp_path)
    foreign = tmp_path / "knative" / "by-hand.yaml"
    foreign.write_text("kind: Mine\n")
    ping = tmp_path / "eventing" / "pingsource-task-api.yaml"
    assert "-kind: PingSource" in differences(render(), tmp_path)
    write(render(), tmp_path)
    assert not ping.exists()
    assert foreign.exists()
    assert differences(render(), tmp_path) == ""


def test_should_render_the_same_twice() -> None:
    assert render() == render()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "logLevel=DEBUG"], "--values and --set need --output"),
        (["--set", "logLevel", "--output", "."], "it takes key.key=value"),
        (["--values", "missing.yaml", "--output", "."], "missing.yaml is not a file of values"),
        (["--values", str(ROOT / "README.md"), "--output", "."], "is not a file of values"),
        (["--set", "logLevels=DEBUG", "--output", "."], "additional properties 'logLevels' not allowed"),
        (["--set", "taskApi.autoscaling.minScale=11", "--output", "."], "is above maxScale (10)."),
    ],
)
def test_should_fail_with_one_sentence(arguments: list[str], sentence: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("render: ")
    assert sentence in done.stderr
