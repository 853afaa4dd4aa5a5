from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from e2e.cluster.settings import ROOT


def _pytest(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "E2E"))
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "e2e/scenarios",
        "--collect-only",
        "--system=cluster",
        *arguments,
    ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment | {"KUBECONFIG": "", "PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def _programs(path: Path) -> Path:
    for program in ("kubectl", "helm"):
        (path / program).write_text("#!/bin/sh\n")
        (path / program).chmod(0o755)
    return path


def test_without_a_kubeconfig_a_cluster_is_refused_in_one_sentence(tmp_path: Path) -> None:
    told = _pytest(_programs(tmp_path))

    assert told.returncode == 4  # pytest's own code for wrong usage
    assert "ERROR: --system=cluster needs KUBECONFIG" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_cluster_has_one_release_and_so_one_process(tmp_path: Path) -> None:
    told = _pytest(_programs(tmp_path), "-n", "2")

    assert told.returncode == 4
    assert "--system=cluster runs in one process" in told.stderr
