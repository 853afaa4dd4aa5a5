"""cloud/install as a user runs it, on clusters in every state."""

from __future__ import annotations

import pytest

from .fake_cluster import FakeCluster

PARTS = [
    "namespace",
    "cert-manager",
    "metrics-server",
    "nginx-ingress",
    "knative-operator",
    "knative-serving",
    "knative-eventing",
    "kafka-broker",
]
# Everything a platform can bring, installed by somebody else.
BROUGHT = [
    "crd/clusterissuers.cert-manager.io",
    "apiservice/v1beta1.metrics.k8s.io",
    "ingressclass/nginx",
    "crd/knativeservings.operator.knative.dev",
    "crd/knativeeventings.operator.knative.dev",
    "crd/services.serving.knative.dev",
    "crd/brokers.eventing.knative.dev",
    "knativeserving/knative-serving",
    "knativeeventing/knative-eventing",
    "deployment/kafka-broker-receiver",
]


def test_a_fresh_cluster_gets_everything_in_order(cluster: FakeCluster) -> None:
    done = cluster.install()

    assert (done.returncode, done.stderr) == (0, "")
    assert list(cluster.rows(done)) == PARTS
    assert set(cluster.rows(done).values()) == {"installed"}
    assert "deployment/kafka-broker-receiver" in cluster.state["objects"]


def test_every_change_is_waited_for(cluster: FakeCluster) -> None:
    cluster.install()

    waits = [" ".join(command) for command in cluster.state["commands"] if command[1] in ("wait", "rollout")]
    assert any("knativeserving" in wait and "{.status.version}" in wait for wait in waits)
    assert any("knativeeventing" in wait and "condition=Ready" in wait for wait in waits)
    assert any("deployment/kafka-broker-receiver" in wait for wait in waits)
    assert all("--timeout=600s" in wait for wait in waits)
    assert all("--wait" in change for change in cluster.changes if change.startswith("helm"))


def test_the_namespace_gets_the_restricted_profile(cluster: FakeCluster) -> None:
    cluster.install("--only", "namespace")

    labels = cluster.state["objects"]["namespace/task-system"]["content"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_second_run_changes_nothing(cluster: FakeCluster) -> None:
    cluster.install()
    done = cluster.install()

    assert done.returncode == 0
    assert cluster.changes == []
    assert set(cluster.rows(done).values()) == {"unchanged"}


def test_what_the_cluster_brings_is_left_alone_but_for_the_labels(cluster: FakeCluster) -> None:
    cluster.has("namespace/task-system", *BROUGHT)
    done = cluster.install()

    assert done.returncode == 0
    assert [change.split()[1] for change in cluster.changes] == ["apply"]
    assert "namespace.yaml" in cluster.changes[0]
    assert cluster.rows(done) == dict.fromkeys(PARTS, "skipped") | {"namespace": "installed"}


def test_where_everything_is_there_nothing_is_applied(cluster: FakeCluster) -> None:
    cluster.has(*BROUGHT)
    cluster.install("--only", "namespace")
    done = cluster.install()

    assert done.returncode == 0
    assert cluster.changes == []
    assert cluster.rows(done) == dict.fromkeys(PARTS, "skipped") | {"namespace": "unchanged"}


def test_knative_without_the_operator_needs_none(cluster: FakeCluster) -> None:
    cluster.has("crd/services.serving.knative.dev", "crd/brokers.eventing.knative.dev")
    done = cluster.install("--without-kafka", "--only", "knative-operator", "--only", "knative-serving")

    assert cluster.rows(done) == {"knative-operator": "skipped", "knative-serving": "skipped"}
    assert cluster.changes == []


def test_the_operator_comes_along_when_only_one_half_is_there(cluster: FakeCluster) -> None:
    cluster.has("crd/services.serving.knative.dev")
    done = cluster.install("--without-kafka")

    assert done.returncode == 0
    assert cluster.rows(done)["knative-operator"] == "installed"
    assert cluster.rows(done)["knative-serving"] == "skipped"
    assert cluster.rows(done)["knative-eventing"] == "installed"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("upgrade", "nginx-ingress"), "Error: context deadline exceeded"),
        (("apply", "operator.yaml"), "error: unexpected EOF"),
        (("wait", "knativeserving", "Ready"), "error: timed out waiting for the condition"),
        (("apply", "kafka-broker-availability"), "error: connection refused"),
    ],
)
def test_what_fails_midway_is_repaired_by_a_second_run(
    cluster: FakeCluster, words: tuple[str, ...], says: str
) -> None:
    cluster.fails(*words, says=says)
    first = cluster.install()
    second = cluster.install()

    assert first.returncode == 1
    assert says in first.stderr
    assert "run it again" in first.stderr
    assert list(cluster.rows(first).values())[-1] == "failed"
    assert second.returncode == 0, second.stderr
    assert list(cluster.rows(second)) == PARTS
    done_before = [part for part, state in cluster.rows(first).items() if state == "installed"]
    assert {cluster.rows(second)[part] for part in done_before} == {"unchanged"}


@pytest.mark.parametrize(
    ("status", "repair"), [("pending-install", "uninstall"), ("pending-upgrade", "rollback")]
)
def test_a_helm_that_was_killed_is_repaired(cluster: FakeCluster, status: str, repair: str) -> None:
    cluster.fails("upgrade", "cert-manager", says="killed", status=status)
    cluster.install("--only", "cert-manager")
    done = cluster.install("--only", "cert-manager")

    assert done.returncode == 0, done.stderr
    assert f"helm {repair} cert-manager" in cluster.changes[0]
    assert cluster.state["releases"]["cert-manager"]["status"] == "deployed"


def test_ours_in_another_version_is_brought_to_the_pinned_one(cluster: FakeCluster) -> None:
    cluster.install()
    cluster.state["releases"]["nginx-ingress"]["digest"] = "older"
    serving = cluster.state["objects"]["knativeserving/knative-serving"]["content"]
    serving["spec"]["version"] = "1.22.0"
    done = cluster.install()

    changed = [part for part, state in cluster.rows(done).items() if state == "installed"]
    assert changed == ["nginx-ingress", "knative-serving"]


def test_without_kafka_eventing_has_no_additional_manifests(cluster: FakeCluster) -> None:
    done = cluster.install("--without-kafka")

    assert done.returncode == 0
    assert "kafka-broker" not in cluster.rows(done)
    spec = cluster.state["objects"]["knativeeventing/knative-eventing"]["content"]["spec"]
    assert "additionalManifests" not in spec
    assert "deployment/kafka-broker-receiver" not in cluster.state["objects"]


def test_strimzi_brings_its_operator_and_then_the_cluster(cluster: FakeCluster) -> None:
    cluster.has("crd/kafkatopics.kafka.strimzi.io", "crd/kafkausers.kafka.strimzi.io")
    cluster.has("crd/kafkanodepools.kafka.strimzi.io", "crd/kafkarebalances.kafka.strimzi.io")
    done = cluster.install("--kafka", "strimzi", "--only", "strimzi", "--only", "kafka")

    assert done.returncode == 0, done.stderr
    assert cluster.rows(done) == {"strimzi": "installed", "kafka": "installed"}
    assert any("--namespace=kafka" in change and "kafka-topics.yaml" in change for change in cluster.changes)
    assert "pod-security.kubernetes.io/enforce" in str(cluster.state["objects"]["namespace/kafka"])


def test_redpanda_comes_with_its_values(cluster: FakeCluster) -> None:
    cluster.has("secret/redpanda-users")
    done = cluster.install("--kafka", "redpanda", "--only", "redpanda")

    assert done.returncode == 0, done.stderr
    assert "kafka/redpanda-values.yaml" in cluster.changes[0]


def test_on_kind_the_edge_is_a_port_of_the_node(cluster: FakeCluster) -> None:
    cluster.state["providers"] = ["kind://docker/kind/kind-control-plane"]
    done = cluster.install()

    assert done.returncode == 0
    assert "on kind" in done.stdout
    assert any("nginx-kind-values.yaml" in change for change in cluster.changes)
    assert any("--kubelet-insecure-tls" in change for change in cluster.changes)


def test_elsewhere_kubelets_must_have_signed_certificates(cluster: FakeCluster) -> None:
    cluster.install()

    assert not any("--kubelet-insecure-tls" in change for change in cluster.changes)
    assert not any("kind" in change for change in cluster.changes if change.startswith("helm"))


def test_a_dry_run_changes_nothing_and_says_what_it_would(cluster: FakeCluster) -> None:
    done = cluster.install("--dry-run")

    assert done.returncode == 0
    assert cluster.changes == []
    assert cluster.state["objects"] == {}
    assert done.stdout.count("would run: helm upgrade --install") == 2
    assert "would run: kubectl apply --server-side" in done.stdout
    assert set(cluster.rows(done).values()) == {"planned"}


def test_kubeconfig_and_context_reach_both_tools(cluster: FakeCluster) -> None:
    kubeconfig = cluster.folder / "config"
    kubeconfig.write_text("{}")
    cluster.install("--kubeconfig", str(kubeconfig), "--context", "blue")

    for command in cluster.state["commands"]:
        assert f"--kubeconfig={kubeconfig}" in command
        assert ("--context=blue" if command[0] == "kubectl" else "--kube-context=blue") in command


# --- refusals --------------------------------------------------------------------------------------------


def refusal(cluster: FakeCluster, *options: str) -> str:
    done = cluster.install(*options)

    assert done.returncode == 2
    assert cluster.changes == []
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_too_old_a_kubernetes_is_refused(cluster: FakeCluster) -> None:
    cluster.state["server"] = {"major": "1", "minor": "33", "gitVersion": "v1.33.9"}

    assert "upgrade it to 1.34 or newer" in refusal(cluster)


def test_an_unreachable_cluster_is_refused(cluster: FakeCluster) -> None:
    cluster.state["unreachable"] = "Unable to connect to the server: dial tcp 10.0.0.1:443: i/o timeout"

    assert "Cannot reach the cluster: check --kubeconfig" in refusal(cluster)


def test_a_context_that_does_not_exist_is_refused(cluster: FakeCluster) -> None:
    cluster.state["unreachable"] = 'error: context "green" does not exist'

    assert "There is no context green: choose one of" in refusal(cluster, "--context", "green")


def test_a_kubeconfig_that_does_not_exist_is_refused(cluster: FakeCluster) -> None:
    assert "There is no kubeconfig /nowhere" in refusal(cluster, "--kubeconfig", "/nowhere")


@pytest.mark.parametrize("missing", ["kubectl", "helm"])
def test_a_missing_tool_is_refused(cluster: FakeCluster, missing: str) -> None:
    cluster.tools = tuple({"kubectl", "helm"} - {missing})

    assert f"{missing} is not on the PATH" in refusal(cluster)


def test_a_helm_without_labels_is_refused(cluster: FakeCluster) -> None:
    cluster.state["helm"] = "v3.12.1"

    assert "3.13 or newer is needed" in refusal(cluster)


def test_a_user_with_less_than_everything_is_refused(cluster: FakeCluster) -> None:
    cluster.state["admin"] = False

    assert "cluster-admin" in refusal(cluster)


def test_anothers_eventing_without_the_kafka_broker_is_refused(cluster: FakeCluster) -> None:
    cluster.has(*BROUGHT[:-1])

    assert "use --without-kafka" in refusal(cluster)


def test_taking_the_kafka_broker_away_is_refused(cluster: FakeCluster) -> None:
    cluster.install()

    assert "would remove it from under its Brokers" in refusal(cluster, "--without-kafka")


def test_redpanda_without_an_administrator_is_refused(cluster: FakeCluster) -> None:
    assert "redpanda-users" in refusal(cluster, "--kafka", "redpanda")


def test_a_part_that_is_not_chosen_is_refused(cluster: FakeCluster) -> None:
    assert "needs --kafka" in refusal(cluster, "--only", "redpanda")
