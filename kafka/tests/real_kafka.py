"""One Apache Kafka of the pinned version from Maven Central: SASL, ACLs and the broker settings of single-node/."""

from __future__ import annotations

import base64
import socket
import subprocess
import tempfile
import time
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from helm.gates import maven
from helm.render import ROOT
from kafka.admin import KafkaAdminClient

from .kafka_files import Object

OLDEST_JAVA = 17
ADMIN, PASSWORD = "admin", "admin-secret"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port}
listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config={scram} required username="{admin}" password="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:ANONYMOUS
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
log.dirs={logs}
"""


def credentials(user: str, password: str, port: int) -> Object:
    """What every client of kafka-python takes."""
    return {
        "bootstrap_servers": f"127.0.0.1:{port}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": password,
        "request_timeout_ms": 20_000,
    }


def installed() -> list[str]:
    """The command that runs Kafka's Java; GateError where Java, Maven or the registry is missing."""
    version = tomllib.loads((ROOT / "versions.toml").read_text())["kafka"]["version"]
    java = maven.java(OLDEST_JAVA)
    wanted = [f"org.apache.kafka:kafka_2.13:{version}", "org.slf4j:slf4j-nop:1.7.36"]
    jars = maven.kept(f"kafka-{version}", lambda made: maven.download(wanted, made))
    return [java, "-Xmx512m", "-cp", f"{jars}/*"]


@contextmanager
def running(command: list[str], settings: Object, users: dict[str, str]) -> Iterator[int]:
    """Its port. The settings are those of a Kafka object, the users have passwords and no rights."""
    with tempfile.TemporaryDirectory() as folder:
        port, controller = _free_ports()
        file = Path(folder, "server.properties")
        given = "".join(f"{key}={str(value).lower()}\n" for key, value in settings.items())
        file.write_text(given + _properties(folder, port, controller))
        maven.run([*command, "kafka.tools.StorageTool", "format", *_format(file, users)], folder)
        with (
            Path(folder, "log").open("w+b") as log,
            subprocess.Popen([*command, "kafka.Kafka", file], stdout=log, stderr=log) as process,
        ):
            try:
                _wait(port, process, log)
                yield port
            finally:
                process.kill()


def _properties(folder: str, port: int, controller: int) -> str:
    return PROPERTIES.format(
        port=port, controller=controller, logs=f"{folder}/logs", scram=SCRAM, admin=ADMIN, password=PASSWORD
    )


def _format(file: Path, users: dict[str, str]) -> list[str]:
    identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    scram = [
        f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in {ADMIN: PASSWORD, **users}.items()
    ]
    # With `=`: one in 64 begins with a hyphen.
    return [
        f"--cluster-id={identity}",
        "-c",
        str(file),
        *(word for each in scram for word in ("--add-scram", each)),
    ]


def _free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], other.getsockname()[1]]


def _wait(port: int, process: subprocess.Popen[bytes], log: BinaryIO) -> None:
    """Until it takes connections, and then until it answers as the protocol says."""
    deadline = time.monotonic() + 60
    while not _takes_connections(port):
        if process.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            raise AssertionError(f"Kafka did not start: {log.read()[-2000:].decode()}")
        time.sleep(0.1)
    KafkaAdminClient(**credentials(ADMIN, PASSWORD, port)).close()


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
