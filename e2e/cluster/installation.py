"""The platform, the database and the release: brought in order, waited for by conditions, removed again."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys

import yaml

from e2e.cluster import images, manifests
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl, Object, last_line
from e2e.cluster.problems import problem
from e2e.cluster.settings import ROOT, ClusterSettings
from e2e.polling import eventually

RELEASE = "task-system"
CHART = ROOT / "helm" / "task-system"
# From nothing to ready takes half a minute where the images are; a slow node may take ten times as long.
SECONDS = 300


class Installation:
    """Every step may be repeated: a run that broke off is repaired by the next one."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._kubectl = Kubectl(settings.namespace)
        self._password = ""

    def check_cluster(self) -> None:
        answer = self._kubectl.ask("get", "--raw=/readyz", "--request-timeout=15s")
        if answer.returncode:
            raise ClusterError(
                f"Cannot reach the cluster: check KUBECONFIG, and that it runs ({last_line(answer.stderr)})."
            )
        name = self._settings.namespace
        if self._kubectl.read("namespace", name) and not self._owned():
            raise ClusterError(
                f"Namespace {name} was not made by these tests: set E2E_NAMESPACE to another name, or delete it."
            )

    def install(self) -> None:
        self._settings.artifacts.mkdir(parents=True, exist_ok=True)
        self._bring_platform()
        images.bring(self._settings, self._settings.artifacts / "images.log")
        self._kubectl.apply([manifests.namespace(self._settings.namespace)])
        self._kubectl.apply(manifests.supports(self._settings, self.password()))
        self._wait("deployment/postgres", "deployment/recorder", condition="Available")
        self._check_secret()
        self._bring_release()
        self._wait("ksvc", "broker", "trigger", condition="Ready", everything=True)
        self._wait("deployment/dev-issuer", condition="Available")

    def uninstall(self) -> None:
        """Removes what was made, and nothing in a namespace that is not ours."""
        if not self._owned():
            return
        if self._status():
            self._remove_release()
            # cert-manager leaves the certificate's Secret behind, and the next host may be another.
            edge = Kubectl(self._settings.kourier_namespace)
            edge.run("delete", "secret", f"{RELEASE}-api-tls", "--ignore-not-found")
        self._kubectl.run(
            "delete", "namespace", self._settings.namespace, "--ignore-not-found", f"--timeout={SECONDS}s"
        )

    def password(self) -> str:
        """The database's; the one of a run before, where that left its server."""
        if not self._password:
            found = self._kubectl.read("secret", "postgres")
            given = base64.b64decode(found[0]["data"]["password"]).decode() if found else ""
            self._password = given or secrets.token_hex(16)
        return self._password

    def hooks(self) -> list[Object]:
        """The release's hooks, the migrations among them."""
        hooks = yaml.safe_load_all(self._helm("get", "hooks", RELEASE))
        return [one for one in hooks if one]

    def _owned(self) -> bool:
        found = self._kubectl.read("namespace", self._settings.namespace)
        return bool(found) and manifests.OWNED.items() <= found[0]["metadata"].get("labels", {}).items()

    def _bring_platform(self) -> None:
        command = [sys.executable, str(ROOT / "cloud" / "install"), "--without-kafka"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        (self._settings.artifacts / "platform.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            # Its first line is what went wrong, the next one what to do about any failure.
            reason = (done.stderr.strip() or "it said nothing").splitlines()[0]
            raise ClusterError(f"cloud/install could not bring what the chart stands on: {reason}")
        for kind in ("services.serving.knative.dev", "brokers.eventing.knative.dev"):
            if not self._kubectl.read("crd", kind):
                raise ClusterError(f"The cluster has no {kind}: install Knative first (cloud/install).")

    def _check_secret(self) -> None:
        name = manifests.secret_name(self._settings)
        if not self._kubectl.read("secret", name):
            raise ClusterError(
                f"There is no Secret {name} in namespace {self._settings.namespace}: "
                "make it with the database URLs, or leave database.secretName out of E2E_VALUES."
            )

    def _bring_release(self) -> None:
        self._remove_interrupted()
        file = self._settings.artifacts / "values.yaml"
        file.write_text(yaml.safe_dump(manifests.values(self._settings)))
        files = [manifests.VALUES, file, *([self._settings.values] if self._settings.values else [])]
        command = ["upgrade", "--install", RELEASE, str(CHART), f"--timeout={SECONDS}s"]
        self._watched(self._helm_command(*command, *(f"--values={one}" for one in files)))

    def _remove_interrupted(self) -> None:
        """Helm refuses a release whose last operation never ended."""
        if self._status().startswith("pending"):
            self._remove_release()

    def _remove_release(self) -> None:
        self._helm("uninstall", RELEASE, "--wait", f"--timeout={SECONDS}s")

    def _status(self) -> str:
        """Helm's word for the release, or nothing."""
        # Not `list`: Helm 3 shows an interrupted release with a flag only, which Helm 4 does not know.
        command = self._helm_command("status", RELEASE, "--output=json")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        status: str = json.loads(done.stdout)["info"]["status"] if done.returncode == 0 else ""
        return status

    def _wait(self, *what: str, condition: str, everything: bool = False) -> None:
        for one in what:
            words = ["wait", f"--for=condition={condition}", f"--timeout={SECONDS}s", one]
            self._watched(self._kubectl.command(*words, *(["--all"] if everything else [])))

    def _watched(self, command: list[str]) -> None:
        """Ends with the command, or as soon as a pod says why it will never start."""
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                eventually(lambda: self._has_ended(process), SECONDS + 30)
            finally:
                process.terminate()
            said = process.stdout.read() if process.stdout else ""
        if process.returncode:
            raise ClusterError(f"{' '.join(command[:4])}: {last_line(said)}")

    def _has_ended(self, process: subprocess.Popen[str]) -> bool:
        with_problem = problem(self._kubectl.read("pods"))
        if with_problem:
            raise ClusterError(with_problem)
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _helm(self, *arguments: str) -> str:
        done = subprocess.run(self._helm_command(*arguments), capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"helm {' '.join(arguments[:2])}: {last_line(done.stderr)}")
        return done.stdout

    def _helm_command(self, *arguments: str) -> list[str]:
        return ["helm", f"--namespace={self._settings.namespace}", *arguments]
