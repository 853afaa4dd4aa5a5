"""The Secret in Knative's format, and values for managed services."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm.render import CHART, render

from .kafka_files import KAFKA

MANAGED = KAFKA / "managed"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
# What Knative reads: control-plane/pkg/security of eventing-kafka-broker.
KEYS = {"protocol", "sasl.mechanism", "user", "password", "ca.crt"}
PASSWORD = "correct horse'battery\"staple$"
EXAMPLES = {
    "redpanda-cloud": "seed-1.example.byoc.prd.cloud.redpanda.com:9092",
    "confluent-cloud": "pkc-1.eu-central-1.aws.confluent.cloud:9092",
}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A PATH with this Python as python3, and a kubectl that keeps what it is given and knows two Secrets."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    kubectl = folder / "kubectl"
    answer = base64.b64encode(PASSWORD.encode()).decode()
    authority = base64.b64encode(CERTIFICATE.encode()).decode()
    kubectl.write_text(
        f"""#!/bin/sh
echo "$*" >>{tmp_path}/calls
case "$*" in
*"secret absent "*) echo 'Error from server (NotFound): secrets "absent" not found' >&2; exit 1 ;;
"get secret knative -n kafka "*) printf %s '{answer}' ;;
"get secret tasks-cluster-ca-cert -n kafka "*) printf %s '{authority}' ;;
"get secret redpanda-default-cert -n redpanda "*) printf %s '{authority}' ;;
"apply "*) cat >{tmp_path}/applied ;;
*) exit 3 ;;
esac
"""
    )
    kubectl.chmod(0o755)
    return folder


def run(
    bin_folder: Path, script: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments],
        env={"PATH": f"{bin_folder}:/usr/bin:/bin", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def managed(
    bin_folder: Path, service: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    given = {
        "KAFKA_USER": "task-system",
        "KAFKA_PASSWORD": PASSWORD,
        "KAFKA_BOOTSTRAP_SERVERS": EXAMPLES[service],
    }
    return run(bin_folder, MANAGED / "secret", service, *arguments, **given | environment)


def decoded(manifest: str) -> dict[str, str]:
    secret: dict[str, Any] = json.loads(manifest)
    assert (secret["apiVersion"], secret["kind"], secret["type"]) == ("v1", "Secret", "Opaque")
    assert set(secret["data"]) <= KEYS
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


@pytest.mark.parametrize(
    ("service", "mechanism"), [("redpanda-cloud", "SCRAM-SHA-256"), ("confluent-cloud", "PLAIN")]
)
def test_the_secret_says_what_knative_asks(service: str, mechanism: str, bin_folder: Path) -> None:
    done = managed(bin_folder, service, "--print")
    assert done.returncode == 0, done.stderr
    assert decoded(done.stdout) == {
        "protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "user": "task-system",
        "password": PASSWORD,
    }
    assert PASSWORD not in done.stderr
    assert EXAMPLES[service] in done.stderr


def test_redpanda_cloud_takes_the_longer_hash_too(bin_folder: Path) -> None:
    done = managed(bin_folder, "redpanda-cloud", "--print", "--mechanism", "SCRAM-SHA-512")
    assert decoded(done.stdout)["sasl.mechanism"] == "SCRAM-SHA-512"


def test_the_secret_has_the_name_and_place_the_chart_looks_for(bin_folder: Path) -> None:
    metadata = json.loads(managed(bin_folder, "redpanda-cloud", "--print").stdout)["metadata"]
    assert metadata == {"name": VALUES["kafka"]["authSecretName"], "namespace": "task-system"}


def test_applying_leaves_the_password_in_no_argument_output_or_annotation(
    tmp_path: Path, bin_folder: Path
) -> None:
    done = managed(bin_folder, "confluent-cloud")
    assert done.returncode == 0, done.stderr
    assert decoded((tmp_path / "applied").read_text())["password"] == PASSWORD
    call = (tmp_path / "calls").read_text()
    assert call.split() == ["apply", "--server-side", "--force-conflicts", "-f", "-"]
    assert PASSWORD not in done.stdout + done.stderr


def test_strimzi_takes_password_and_ca_from_the_cluster(tmp_path: Path, bin_folder: Path) -> None:
    done = run(bin_folder, KAFKA / "strimzi-secret")
    assert done.returncode == 0, done.stderr
    assert decoded((tmp_path / "applied").read_text()) == {
        "protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "user": "knative",
        "password": PASSWORD,
        "ca.crt": CERTIFICATE,
    }


def test_redpanda_takes_the_ca_from_the_cluster(bin_folder: Path) -> None:
    done = run(bin_folder, KAFKA / "redpanda-secret", "--print", KAFKA_PASSWORD="p")
    data = decoded(done.stdout)
    assert (data["ca.crt"], data["password"], data["sasl.mechanism"]) == (CERTIFICATE, "p", "SCRAM-SHA-512")


BAD: list[tuple[str, list[str], dict[str, str], str]] = [
    (
        "confluent-cloud",
        ["--mechanism", "SCRAM-SHA-512"],
        {},
        "confluent-cloud has no SCRAM-SHA-512: it takes PLAIN.",
    ),
    (
        "redpanda-cloud",
        [],
        {"KAFKA_BOOTSTRAP_SERVERS": "https://a.example"},
        "is no bootstrap server: it is host:port",
    ),
    ("redpanda-cloud", [], {"KAFKA_BOOTSTRAP_SERVERS": "a.example"}, "'a.example' is no bootstrap server"),
    ("redpanda-cloud", [], {"KAFKA_BOOTSTRAP_SERVERS": "a:99999"}, "'a:99999' is no bootstrap server"),
    (
        "redpanda-cloud",
        [],
        {"KAFKA_BOOTSTRAP_SERVERS": EXAMPLES["confluent-cloud"]},
        "belongs to confluent-cloud",
    ),
    ("redpanda-cloud", [], {"KAFKA_USER": "a b"}, "The user is empty or holds a space."),
    ("redpanda-cloud", [], {"KAFKA_PASSWORD": "secret\n"}, "begins or ends with a space or a line break"),
    (
        "redpanda-cloud",
        [],
        {"KAFKA_PASSWORD": ""},
        "Password or API secret is not given, and nobody is there to ask.",
    ),
    ("redpanda-cloud", [], {"KAFKA_BOOTSTRAP_SERVERS": ""}, "Bootstrap servers is not given"),
    ("redpanda-cloud", ["--namespace", "Task_System"], {}, "'Task_System' is no name Kubernetes takes."),
]


@pytest.mark.parametrize(("service", "arguments", "environment", "sentence"), BAD)
def test_bad_input_gets_a_sentence_and_two(
    service: str, arguments: list[str], environment: dict[str, str], sentence: str, bin_folder: Path
) -> None:
    done = managed(bin_folder, service, "--print", *arguments, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_an_unknown_service_is_refused(bin_folder: Path) -> None:
    done = run(bin_folder, MANAGED / "secret", "event-hubs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice: 'event-hubs'" in done.stderr


def test_what_the_cluster_says_is_one_sentence(bin_folder: Path) -> None:
    done = run(bin_folder, KAFKA / "strimzi-secret", "--user", "absent")
    assert done.returncode == 2
    assert done.stderr == 'secret: kubectl: Error from server (NotFound): secrets "absent" not found\n'


def on_a_terminal(bin_folder: Path, answers: list[bytes], *arguments: str) -> tuple[int, str]:
    """Run it with a terminal as all three streams, answer each question, and return what stood on the screen."""
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        [MANAGED / "secret", *arguments],
        env={"PATH": f"{bin_folder}:/usr/bin:/bin"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        shown = _answer(screen, answers)
    os.close(screen)
    return process.returncode, shown.decode()


def _answer(screen: int, answers: list[bytes]) -> bytes:
    shown = b""
    while True:
        try:
            read = os.read(screen, 4096)
        except OSError:  # Linux' way to say that the other side is gone
            return shown
        if not read:
            return shown
        shown += read
        if shown.endswith(b": ") and answers:
            os.write(screen, answers.pop(0) + b"\n")


def test_a_person_is_asked_and_the_password_is_not_on_the_screen(tmp_path: Path, bin_folder: Path) -> None:
    answers = [EXAMPLES["confluent-cloud"].encode(), b"API123", PASSWORD.encode()]
    code, screen = on_a_terminal(bin_folder, answers, "confluent-cloud")
    assert code == 0, screen
    assert decoded((tmp_path / "applied").read_text())["password"] == PASSWORD
    assert PASSWORD not in screen
    assert "API123" in screen


def test_the_manifest_is_not_printed_on_a_terminal(bin_folder: Path) -> None:
    code, screen = on_a_terminal(bin_folder, [], "confluent-cloud", "--print")
    assert code == 2
    assert "--print shows the password: send it into a file or a pipe." in screen


# --- values of the chart ----------------------------------------------------------------------------------


@pytest.mark.parametrize("service", sorted(EXAMPLES))
def test_the_values_render_and_lead_there(service: str) -> None:
    given = yaml.safe_load((MANAGED / f"{service}-values.yaml").read_text())
    rendered = [yaml.safe_load(text) for text in render(given).values()]
    (config,) = (each["data"] for each in rendered if each["metadata"]["name"] == "tasks-broker")
    assert config["bootstrap.servers"] == given["kafka"]["bootstrapServers"]
    assert config["auth.secret.ref.name"] == VALUES["kafka"]["authSecretName"]
    assert config["default.topic.replication.factor"] == "3"  # no other number is taken there
    for sink in (each["spec"] for each in rendered if each["kind"] == "KafkaSink"):
        assert sink["bootstrapServers"] == [given["kafka"]["bootstrapServers"]]
        assert sink["auth"]["secret"]["ref"]["name"] == VALUES["kafka"]["authSecretName"]


@pytest.mark.parametrize("service", sorted(EXAMPLES))
def test_the_values_hold_only_what_differs_and_an_address_of_the_service(
    service: str, bin_folder: Path
) -> None:
    given = yaml.safe_load((MANAGED / f"{service}-values.yaml").read_text())
    assert set(given) == {"kafka"}
    for key, value in given["kafka"].items():
        assert value != VALUES["kafka"][key]
    done = managed(bin_folder, service, "--print", KAFKA_BOOTSTRAP_SERVERS=given["kafka"]["bootstrapServers"])
    assert done.returncode == 0, done.stderr
    (other,) = set(EXAMPLES) - {service}
    assert (
        managed(bin_folder, other, KAFKA_BOOTSTRAP_SERVERS=given["kafka"]["bootstrapServers"]).returncode == 2
    )
