"""kubectl on the cluster of KUBECONFIG."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from e2e.cluster.errors import ClusterError

Object = dict[str, Any]
# Above every wait that is asked for: a kubectl that hangs is a failure with a sentence.
PATIENCE = 600


@dataclass(frozen=True)
class Kubectl:
    """Commands go to `namespace` unless they name another."""

    namespace: str

    def ask(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Whatever it answers."""
        return subprocess.run(
            self.command(*arguments),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def run(self, *arguments: str, given: str = "") -> str:
        """What it printed; an error is a ClusterError with its last line."""
        done = self.ask(*arguments, given=given)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments[:3])}: {last_line(done.stderr)}")
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        return ["kubectl", f"--namespace={self.namespace}", *arguments]

    def apply(self, objects: Iterable[Object]) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.run("apply", "--filename=-", given=json.dumps(items))

    def read(self, *arguments: str) -> list[Object]:
        """The objects of a `get` that may find none."""
        text = self.run("get", *arguments, "--ignore-not-found", "--output=json")
        found: Object = json.loads(text) if text.strip() else {"items": []}
        items: list[Object] = found.get("items", [found])
        return items


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
