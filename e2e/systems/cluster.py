"""The chart on a real cluster as the system under test; knows KUBECONFIG, an image command and base URLs."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from e2e.cluster.collect import collect
from e2e.cluster.commands import run_command
from e2e.cluster.errors import ClusterError
from e2e.cluster.forward import Forward
from e2e.cluster.installation import Installation
from e2e.cluster.kubectl import Kubectl, Object
from e2e.cluster.settings import ClusterSettings
from e2e.polling import eventually
from e2e.systems.absent import Absent, cannot

DATABASE = "postgres"


class ClusterSystem:
    """One installation; URLs inside the cluster are reached through port-forwards."""

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings
        self.tls = ssl.create_default_context(cafile=settings.ca_file)
        self._kubectl = Kubectl(settings.namespace)
        self._installation = Installation(settings)
        self._forwards: dict[str, Forward] = {}
        self._broker = ""

    def check(self) -> None:
        """Refuse a cluster that cannot be tested on, before anything is changed."""
        self._installation.check_cluster()

    def start(self) -> None:
        self._installation.install()
        for name in (DATABASE, "dev-issuer", "recorder"):
            port = 5432 if name == DATABASE else 80
            self._forwards[name] = self._forward(self._kubectl, name, port)
        (broker,) = self._kubectl.read("broker", "tasks")
        self._broker = broker["status"]["address"]["url"]
        service, namespace = (urlsplit(self._broker).hostname or "").split(".")[:2]
        self._eventing = Kubectl(namespace)
        self._forwards["broker"] = self._forward(self._eventing, service, 80)
        # The certificate may still be on its way.
        eventually(self._answers, 180, self.describe)

    def stop(self) -> None:
        for forward in self._forwards.values():
            forward.close()
        self._installation.uninstall()

    def collect(self) -> None:
        namespaces = [self.settings.namespace, self.settings.kourier_namespace, "knative-eventing"]
        collect(list(dict.fromkeys(namespaces)), self.settings.artifacts)

    def database_url(self) -> str:
        password = self._installation.password()
        return f"postgresql://postgres:{password}@{self._forwards[DATABASE].address}/postgres"

    def url(self, name: str) -> str:
        if name == "task-api":
            return self.settings.api_url
        if name == "broker":
            return f"http://{self._forwards['broker'].address}{urlsplit(self._broker).path}"
        return f"http://{self._forwards['dev-issuer'].address}"

    def token(self, user: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": user}
        answer = httpx.post(self.url("issuer") + "/token", data=form).raise_for_status()
        token: str = answer.json()["access_token"]
        return token

    def instances(self, name: str) -> list[str]:
        return [pod["metadata"]["name"] for pod in self._pods(name) if _serves(pod)]

    def kill(self, name: str) -> list[str]:
        """The nearest to kill -9 that an API server offers: the pod is gone at once, its process within seconds."""
        killed = self.instances(name)
        if killed:
            now = ("--grace-period=0", "--force", "--wait=false", "--ignore-not-found")
            self._of(name)[0].run("delete", "pod", *killed, *now)
        if name == "broker":
            self._forwards["broker"].close()
        return killed

    def wait_ready(self) -> None:
        eventually(self._answers, 60, self.describe)

    def is_idle(self) -> bool:
        """The autoscaler's word for it: nothing was in flight to the function for a whole window."""
        return not self.instances("analytics")

    def dead_letters(self) -> list[dict[str, Any]]:
        url = f"http://{self._forwards['recorder'].address}/records"
        letters: list[dict[str, Any]] = httpx.get(url).raise_for_status().json()
        return letters

    def records(self, topic: str) -> list[dict[str, Any]]:
        cannot(Absent.TOPICS)

    def log(self, name: str) -> str:
        kubectl, selector = self._of(name)
        return kubectl.run("logs", f"--selector={selector}", "--all-containers", "--tail=-1")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return run_command(self._kubectl, self._installation.hooks(), command)

    def describe(self) -> object:
        return self._kubectl.ask("get", "pods,ksvc,broker,trigger", "--output=wide").stdout

    def _answers(self) -> bool:
        try:
            answer = httpx.get(self.settings.api_url + "/livez", verify=self.tls, timeout=5)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def _forward(self, kubectl: Kubectl, service: str, port: int) -> Forward:
        return Forward(kubectl, service, port, self.settings.artifacts / f"forward-{service}.log")

    def _pods(self, name: str) -> list[Object]:
        kubectl, selector = self._of(name)
        return kubectl.read("pods", f"--selector={selector}")

    def _of(self, name: str) -> tuple[Kubectl, str]:
        """Where its pods are, and how they are told from others."""
        if name == "broker":
            return self._eventing, "eventing.knative.dev/brokerRole=ingress"
        return self._kubectl, f"app.kubernetes.io/name={name}"


def _serves(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


@contextlib.contextmanager
def installed(system: ClusterSystem) -> Iterator[ClusterSystem]:
    """Install, and uninstall whatever happens; what a failed installation leaves is collected first."""
    system.check()
    try:
        system.start()
    except BaseException:
        system.collect()
        with contextlib.suppress(ClusterError):  # the first failure is the one to tell
            system.stop()
        raise
    try:
        yield system
    finally:
        system.stop()
