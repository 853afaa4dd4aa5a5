"""A cluster that cloud/install takes for one: the real script, fake tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SITE = Path(yaml.__file__).parents[1]
SCRIPT = HERE.parent / "install"
# What changes a cluster; `patch --local` does not.
CHANGES = {"apply", "patch", "upgrade", "uninstall", "rollback"}


@dataclass
class FakeCluster:
    """kubectl and helm on a PATH of their own, and the file they answer from."""

    folder: Path
    tools: tuple[str, ...] = ("kubectl", "helm")
    state: dict[str, Any] = field(
        default_factory=lambda: {
            "server": {"major": "1", "minor": "34+", "gitVersion": "v1.34.2-gke.1"},
            "helm": "v3.18.4",
            "unreachable": "",
            "admin": True,
            "providers": ["gce://project/zone/node"],
            "objects": {},
            "releases": {},
            "failures": [],
            "commands": [],
        }
    )

    def has(self, *keys: str, manager: str = "somebody") -> None:
        """Put objects there before the script runs."""
        for key in keys:
            self.state["objects"][key] = {"managers": [manager], "content": {}}

    def fails(self, *words: str, says: str, status: str = "failed") -> None:
        """Let the next command with these words fail; a Helm release is then left in this status."""
        self.state["failures"].append({"words": words, "says": says, "status": status})

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        path = self._path()
        file = self.folder / "cluster.json"
        file.write_text(json.dumps({**self.state, "commands": []}))
        done = subprocess.run(
            [sys.executable, SCRIPT, *options],
            env={"PATH": str(path), "FAKE_CLUSTER": str(file), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.state = json.loads(file.read_text())
        return done

    @property
    def changes(self) -> list[str]:
        """The commands of the last run that changed the cluster."""
        return [
            " ".join(command)
            for command in self.state["commands"]
            if CHANGES & set(command[1:5]) and "--local" not in command
        ]

    def rows(self, done: subprocess.CompletedProcess[str]) -> dict[str, str]:
        """Part -> state, from the table the script printed."""
        lines = done.stdout.partition("\nPART")[2].splitlines()[1:]
        words = [line.split() for line in lines if not line.startswith(" ")]
        return {row[0]: row[2] for row in words}

    def _path(self) -> Path:
        path = self.folder / "bin"
        path.mkdir(exist_ok=True)
        for tool in self.tools:
            program = path / tool
            # Without site: forty starts a run are worth the 50 ms each.
            program.write_text(
                f"#!{sys.executable} -IS\nimport runpy, sys\nsys.argv.insert(1, {tool!r})\n"
                f"sys.path.append({os.fspath(SITE)!r})\n"
                f"runpy.run_path({os.fspath(HERE / 'fake_tools.py')!r}, run_name='__main__')\n"
            )
            program.chmod(0o755)
        return path
