"""kubectl and helm as far as cloud/install uses them, on a cluster that is one JSON file.

Run as `fake_tools.py kubectl ...` or `fake_tools.py helm ...`; FAKE_CLUSTER names the file.
Every command is recorded in it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# yaml is imported where it is needed: most commands of a run are questions that need none.

State = dict[str, Any]
# What a release's file brings, as far as somebody asks for it.
RELEASES = {
    "knative/operator": [
        ("crd", "knativeservings.operator.knative.dev"),
        ("crd", "knativeeventings.operator.knative.dev"),
        ("deployment", "knative-operator"),
        ("deployment", "operator-webhook"),
    ],
    "metrics-server": [("deployment", "metrics-server"), ("apiservice", "v1beta1.metrics.k8s.io")],
}
# What appears once the operator has seen an object, and what a chart brings.
OPERATED = {
    "knativeserving": [("crd", "services.serving.knative.dev")],
    "knativeeventing": [("crd", "brokers.eventing.knative.dev")],
    "additionalManifests": [
        ("deployment", name)
        for name in (
            "kafka-controller",
            "kafka-webhook-eventing",
            "kafka-broker-receiver",
            "kafka-sink-receiver",
        )
    ],
    "cert-manager": [("crd", "clusterissuers.cert-manager.io")],
    "nginx-ingress": [("ingressclass", "nginx")],
    "strimzi": [("crd", "kafkas.kafka.strimzi.io")],
    "redpanda": [("statefulset", "redpanda")],
}


class Fault(Exception):
    """Ends the command with code 1 and this text."""


def main() -> int:
    program, *arguments = sys.argv[1:]
    path = Path(os.environ["FAKE_CLUSTER"])
    state: State = json.loads(path.read_text())
    command = [
        word for word in arguments if not word.startswith(("--kubeconfig", "--context", "--kube-context"))
    ]
    state["commands"].append([program, *arguments])
    try:
        code = (kubectl if program == "kubectl" else helm)(state, command)
    except Fault as fault:
        print(fault, file=sys.stderr)
        code = 1
    path.write_text(json.dumps(state))
    return code


# --- kubectl ---------------------------------------------------------------------------------------------


def kubectl(state: State, command: list[str]) -> int:
    if state["unreachable"]:
        raise Fault(state["unreachable"])
    verb = command[0]
    _fail_as_told(state, command)
    if verb == "version":
        print(json.dumps({"serverVersion": state["server"]}))
    elif verb == "auth":
        print("yes" if state["admin"] else "no")
    elif verb == "get":
        _get(state, command)
    elif verb == "kustomize":
        import yaml

        print(yaml.safe_dump({"kind": "Kafka", "metadata": {"name": "tasks"}}))
    elif verb == "patch":
        _patch(state, command)
    elif verb in ("apply", "diff"):
        return _apply(state, command) if verb == "apply" else _diff(state, command)
    elif verb in ("wait", "rollout"):
        _wait(state, command)
    else:
        raise Fault(f"the fake knows no kubectl {verb}")
    return 0


def _get(state: State, command: list[str]) -> None:
    if command[1] == "nodes":
        print(" ".join(state["providers"]))
        return
    key = _reference(command[1:])
    found = state["objects"].get(key)
    if _is_custom(key) and not found and not _has_kind(state, key):
        raise Fault(f'error: the server doesn\'t have a resource type "{key.split("/")[0]}"')
    if found and any("jsonpath" in word for word in command):
        manifests = found["content"].get("spec", {}).get("additionalManifests", "")
        print(json.dumps(manifests) if manifests else "")
    elif found and "json" in command:
        fields = [{"manager": manager} for manager in found["managers"]]
        print(json.dumps({"metadata": {"managedFields": fields}}))
    elif found:
        print(key)


def _is_custom(key: str) -> bool:
    return key.startswith(("knative", "kafka"))


def _has_kind(state: State, key: str) -> bool:
    kind = key.split("/", maxsplit=1)[0]
    return any(name.startswith(f"crd/{kind}s.") for name in state["objects"])


def _apply(state: State, command: list[str]) -> int:
    for key, content in _documents(command):
        if _is_custom(key) and not _has_kind(state, key):
            raise Fault(f'error: no matches for kind "{key.split("/")[0]}"')
        _put(state, key, "cloud-install", content)
        for kind, name in OPERATED.get(key.split("/")[0], []):
            _put(state, f"{kind}/{name}", "operator")
        if content.get("spec", {}).get("additionalManifests"):
            for kind, name in OPERATED["additionalManifests"]:
                _put(state, f"{kind}/{name}", "operator")
    return 0


def _diff(state: State, command: list[str]) -> int:
    objects = state["objects"]
    return int(any(objects.get(key, {}).get("content") != content for key, content in _documents(command)))


def _documents(command: list[str]) -> list[tuple[str, dict[str, Any]]]:
    source = command[command.index("-f") + 1]
    for release, objects in RELEASES.items():
        if source.startswith("https://") and release in source:
            return [(f"{kind}/{name}", {"from": source}) for kind, name in objects]
    import yaml

    text = sys.stdin.read() if source == "-" else Path(source).read_text()
    documents = [document for document in yaml.safe_load_all(text) if document]
    return [(f"{doc['kind'].lower()}/{doc['metadata']['name']}", doc) for doc in documents]


def _put(state: State, key: str, manager: str, content: dict[str, Any] | None = None) -> None:
    found = state["objects"].setdefault(key, {"managers": [], "content": {}})
    found["content"] = content or found["content"]
    if manager not in found["managers"]:
        found["managers"].append(manager)


def _patch(state: State, command: list[str]) -> None:
    operation = json.loads(command[command.index("-p") + 1])[0]
    if "--local" in command:
        import yaml

        document = yaml.safe_load(Path(command[command.index("-f") + 1]).read_text())
        *parents, last = operation["path"].strip("/").split("/")
        target = document
        for parent in parents:
            target = target[parent]
        del target[last]
        print(yaml.safe_dump(document))
    elif _reference(command[1:]) not in state["objects"]:
        raise Fault("Error from server (NotFound)")


def _wait(state: State, command: list[str]) -> None:
    words = [word for word in command[1:] if word != "status"]
    if "--all" not in words and _reference(words) not in state["objects"]:
        raise Fault(f"error: timed out waiting for the condition on {_reference(words)}")


def _reference(words: list[str]) -> str:
    """`crd/name`, whether it was written as one word or two."""
    named = [word for word in words if not word.startswith("-")]
    kind, _, name = named[0].partition("/")
    return f"{kind.split('.')[0]}/{name or named[1]}"


# --- helm ------------------------------------------------------------------------------------------------


def helm(state: State, command: list[str]) -> int:
    verb = command[0]
    if verb == "version":
        print(state["helm"])
        return 0
    if verb == "list":
        print(json.dumps(_releases(state, command)))
        return 0
    name = command[2] if verb == "upgrade" else command[1]
    releases = state["releases"]
    if verb == "uninstall":
        del releases[name]
    elif verb == "rollback":
        releases[name]["status"] = "deployed"
    elif verb == "upgrade":
        _upgrade(state, command, name)
    else:
        raise Fault(f"the fake knows no helm {verb}")
    return 0


def _upgrade(state: State, command: list[str], name: str) -> None:
    releases = state["releases"]
    if releases.get(name, {}).get("status", "").startswith("pending"):
        raise Fault("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress")
    label, _, digest = command[command.index("--labels") + 1].partition("=")
    releases[name] = {"name": name, "status": "failed", "label": label, "digest": digest}
    _fail_as_told(state, command, releases[name])
    releases[name]["status"] = "deployed"
    for kind, object_name in OPERATED[name]:
        _put(state, f"{kind}/{object_name}", "helm")


def _releases(state: State, command: list[str]) -> list[dict[str, str]]:
    name = command[command.index("--filter") + 1].strip("^$")
    label, _, digest = command[command.index("--selector") + 1].partition("=")
    found = state["releases"].get(name)
    fits = found and found["label"] == label and digest in ("", found["digest"])
    return [{"name": name, "status": found["status"]}] if fits else []


def _fail_as_told(state: State, command: list[str], release: dict[str, str] | None = None) -> None:
    for failure in state["failures"]:
        if all(word in " ".join(command) for word in failure["words"]):
            state["failures"].remove(failure)
            if release is not None:
                release["status"] = failure.get("status", "failed")
            raise Fault(failure["says"])


if __name__ == "__main__":
    sys.exit(main())
