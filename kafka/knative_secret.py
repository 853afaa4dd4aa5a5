"""Makes the Secret with which Knative, taskctl and nobody else reach Kafka, in the format Knative reads.

Python's standard library and kubectl are all it needs. A password comes from the environment, a prompt or the
cluster; it stands on no command line and is never shown.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Refused(Exception):
    """Its text is one sentence for the person at the keyboard."""


@dataclass(frozen=True)
class Service:
    """One kind of Kafka. The first mechanism is what it is asked for without --mechanism."""

    mechanisms: tuple[str, ...]
    # Its public domain, where it has one: another service's address is a mistake.
    domain: str = ""
    # Namespace and name of the Secret whose `ca.crt` signed its certificates; none where a public CA did.
    authority: tuple[str, str] | None = None
    # Namespace of the Secret, named like the user, whose `password` is the password; none where a person knows it.
    passwords: str | None = None


SERVICES = {
    "strimzi": Service(("SCRAM-SHA-512",), authority=("kafka", "tasks-cluster-ca-cert"), passwords="kafka"),
    "redpanda": Service(("SCRAM-SHA-512", "SCRAM-SHA-256"), authority=("redpanda", "redpanda-default-cert")),
    "redpanda-cloud": Service(("SCRAM-SHA-256", "SCRAM-SHA-512"), domain="cloud.redpanda.com"),
    # The user is an API key, the password its secret.
    "confluent-cloud": Service(("PLAIN",), domain="confluent.cloud"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except Refused as error:
        print(f"secret: {error}", file=sys.stderr)
        return 2
    except (EOFError, KeyboardInterrupt):
        print("\nsecret: nothing was done.", file=sys.stderr)
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    service = SERVICES[options.service]
    if options.print and sys.stdout.isatty():
        raise Refused("--print shows the password: send it into a file or a pipe.")
    for name in (options.namespace, options.name):
        if not NAME.fullmatch(name):
            raise Refused(f"{name!r} is no name Kubernetes takes.")
    bootstrap = options.bootstrap or os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    if service.domain:
        bootstrap = _addresses(bootstrap or _ask("Bootstrap servers: "), options.service)
    user = options.user or os.environ.get("KAFKA_USER", "") or _ask("User or API key: ")
    secret = manifest(options, _credentials(options, service, user.strip()))
    if options.print:
        print(secret)
    else:
        _kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=secret)
        print(f"Secret {options.name} is in namespace {options.namespace}.", file=sys.stderr)
    if bootstrap:
        print(f'The chart needs kafka.bootstrapServers: "{bootstrap}"', file=sys.stderr)


# --- what goes in ----------------------------------------------------------------------------------------


def _credentials(options: argparse.Namespace, service: Service, user: str) -> dict[str, str]:
    mechanism = options.mechanism or service.mechanisms[0]
    if mechanism not in service.mechanisms:
        raise Refused(f"{options.service} has no {mechanism}: it takes {' or '.join(service.mechanisms)}.")
    if not user or any(character.isspace() for character in user):
        raise Refused("The user is empty or holds a space.")
    data = {"protocol": "SASL_SSL", "sasl.mechanism": mechanism, "user": user}
    data["password"] = _password(service, user)
    if service.authority:
        data["ca.crt"] = _read(*service.authority, "ca.crt")
    return data


def _password(service: Service, user: str) -> str:
    if service.passwords:
        return _read(service.passwords, user, "password")
    password = os.environ.get("KAFKA_PASSWORD") or _ask("Password or API secret: ", hidden=True)
    if not password or password != password.strip():
        raise Refused("The password is empty, or begins or ends with a space or a line break.")
    return password


def _addresses(text: str, service: str) -> str:
    addresses = [address.strip() for address in text.split(",")]
    for address in addresses:
        if not ADDRESS.fullmatch(address) or not 0 < int(address.rpartition(":")[2]) < 65536:
            raise Refused(f"{address!r} is no bootstrap server: it is host:port, without a scheme.")
        for name, other in SERVICES.items():
            if name != service and other.domain and address.rpartition(":")[0].endswith(f".{other.domain}"):
                raise Refused(
                    f"{address} belongs to {name}, whose SASL mechanism is another than {service}'s."
                )
    return ",".join(addresses)


def _ask(question: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        raise Refused(f"{question.rstrip(': ')} is not given, and nobody is there to ask.")
    if hidden:
        return getpass.getpass(question)
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _read(namespace: str, name: str, key: str) -> str:
    path = "{.data." + key.replace(".", r"\.") + "}"
    found = _kubectl("get", "secret", name, "-n", namespace, "-o", f"jsonpath={path}")
    if not found:
        raise Refused(f"Secret {name} in namespace {namespace} has no {key} yet.")
    return base64.b64decode(found).decode()


# --- what comes out --------------------------------------------------------------------------------------


def manifest(options: argparse.Namespace, data: dict[str, str]) -> str:
    """JSON, which is YAML: nothing has to be quoted right."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": options.name, "namespace": options.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": encoded}
    return json.dumps(secret, indent=2)


def _kubectl(*arguments: str, given: str | None = None) -> str:
    """Server-side apply leaves no copy of the password in an annotation, as the other kind does."""
    try:
        done = subprocess.run(
            ["kubectl", *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        raise Refused("kubectl is missing.") from None
    except subprocess.TimeoutExpired:
        raise Refused("The cluster did not answer within a minute.") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Refused(f"kubectl: {said[-1] if said else 'no word'}")
    return done.stdout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="secret", description="Make the Secret with which Knative reaches Kafka."
    )
    parser.add_argument("service", choices=sorted(SERVICES), help="which Kafka it is")
    parser.add_argument("--bootstrap", help="host:port, several with commas; or KAFKA_BOOTSTRAP_SERVERS")
    parser.add_argument(
        "--user", help="user or API key; or KAFKA_USER. The password: KAFKA_PASSWORD, or asked for"
    )
    parser.add_argument("--mechanism", help="SASL mechanism, where the service has more than one")
    parser.add_argument(
        "--namespace", default="task-system", help="where the Secret goes (default: %(default)s)"
    )
    parser.add_argument(
        "--name", default="task-system-kafka", help="what it is called (default: %(default)s)"
    )
    parser.add_argument("--print", action="store_true", help="write the manifest instead of applying it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
