"""kubectl and helm on one cluster."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from enum import Enum

from installer.errors import CommandFailed

# The name under which the API server remembers which fields are ours, and so which objects.
MANAGER = "cloud-install"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
# Made here, and known to satisfy that profile (kafka/README.md); Knative's own namespaces are not held to it.
EVERY_POD_RESTRICTED = {"kafka"}
APPLY = ("apply", "--server-side", "--force-conflicts", f"--field-manager={MANAGER}")


class Presence(Enum):
    ABSENT = "absent"
    FOREIGN = "brought by the cluster"
    OURS = "ours"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """What the command said last, which is what it ended for."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"it ended with code {self.code} and said nothing"


@dataclass(frozen=True)
class Cluster:
    """Questions are always asked; changes are printed instead of made when `dry_run` is set."""

    kubeconfig: str = ""
    context: str = ""
    dry_run: bool = False
    seconds: int = 600

    def ask(self, *command: str, given: str = "") -> Answer:
        """Run a command that changes nothing, whatever it answers."""
        done = subprocess.run(self._whole(command), input=given, capture_output=True, text=True, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def learn(self, *command: str, given: str = "") -> str:
        """As `ask`, where an error is not an answer."""
        return _output(command, self.ask(*command, given=given))

    def change(self, *command: str, given: str = "") -> None:
        if self.dry_run:
            print(f"  would run: {shlex.join(command)}")
        else:
            _output(command, self.ask(*command, given=given))

    def wait(self, *command: str) -> None:
        """A kubectl command that ends when its condition holds, or after the time limit."""
        self.change("kubectl", *command, f"--timeout={self.seconds}s")

    def make_namespace(self, name: str) -> None:
        """An existing one is left as it is, whoever made it."""
        if not self.learn("kubectl", "get", "namespace", name, "--ignore-not-found", "-o", "name"):
            metadata = (
                {"name": name, "labels": RESTRICTED} if name in EVERY_POD_RESTRICTED else {"name": name}
            )
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
            self.change("kubectl", *APPLY, "-f", "-", given=json.dumps(namespace))

    def presence(self, owned: tuple[str, ...], marker: tuple[str, ...]) -> Presence:
        """`owned` is what we would have made, `marker` what every other way of installing makes too."""
        managers = self._managers(owned)
        if managers is not None:
            return Presence.OURS if MANAGER in managers else Presence.FOREIGN
        return Presence.ABSENT if self._managers(marker) is None else Presence.FOREIGN

    def _managers(self, reference: tuple[str, ...]) -> list[str] | None:
        """Who manages an object; None when there is no such object, or no such kind of object."""
        command = ("kubectl", "get", *reference, "--ignore-not-found", "--show-managed-fields", "-o", "json")
        answer = self.ask(*command)
        if answer.code and "doesn't have a resource type" in answer.err:
            return None
        text = _output(command, answer)
        fields = json.loads(text)["metadata"].get("managedFields", []) if text.strip() else None
        return None if fields is None else [field["manager"] for field in fields]

    def _whole(self, command: tuple[str, ...]) -> list[str]:
        program, *arguments = command
        context = "--context" if program == "kubectl" else "--kube-context"
        chosen = {"--kubeconfig": self.kubeconfig, context: self.context}
        return [program, *(f"{flag}={value}" for flag, value in chosen.items() if value), *arguments]


def _output(command: tuple[str, ...], answer: Answer) -> str:
    if answer.code:
        raise CommandFailed(f"{shlex.join(command[:3])} ...: {answer.reason}")
    return answer.out
