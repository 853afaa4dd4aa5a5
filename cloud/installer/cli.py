"""Options, order and exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from installer import checks, progress, versions
from installer.cluster import Cluster, Presence
from installer.errors import InstallError, Refused
from installer.parts import Choices, Part, parts

DESCRIPTION = """Install what the application stands on, in order, and wait until each part works.

What the cluster brings already is found and left alone; what an earlier run installed is brought to the
pinned versions (versions.toml). It can be run again at any time, also after a failure."""
NAMES = [part.name for part in parts(versions.read(), Choices())] + ["strimzi", "kafka", "redpanda"]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    cluster = Cluster(options.kubeconfig, options.context, options.dry_run, options.timeout)
    try:
        _install(cluster, Choices(options.kafka_broker, options.kafka), options.only)
    except InstallError as error:
        print(f"install: {error}", file=sys.stderr)
        if error.status != Refused.status:
            print("Repair the cause and run it again: what is done already is recognised.", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("install: stopped. Run it again: what is done already is recognised.", file=sys.stderr)
        return 130
    return 0


def _install(cluster: Cluster, choices: Choices, only: list[str]) -> None:
    pinned = versions.read()
    checks.check_tools(cluster, pinned)
    kubernetes = checks.check_cluster(cluster, pinned)
    choices = replace(choices, kind=checks.is_kind(cluster))
    chosen = _chosen(parts(pinned, choices), only)
    names = {part.name for part in chosen}
    if names & {"knative-eventing", "kafka-broker"}:
        checks.check_kafka_broker(cluster, choices)
    if "redpanda" in names:
        checks.check_redpanda(cluster)
    print(f"Kubernetes {kubernetes}{' on kind' if choices.kind else ''}")
    progress.header()
    for part in chosen:
        with progress.row(part.name, part.version) as row:
            _bring(cluster, part, row)


def _chosen(everything: list[Part], only: list[str]) -> list[Part]:
    names = [part.name for part in everything]
    for name in only:
        if name not in names:
            raise Refused(f"--only {name} needs --kafka too: without it that part is not installed.")
    return [part for part in everything if part.name in (only or names)]


def _bring(cluster: Cluster, part: Part, row: progress.Row) -> None:
    presence = part.presence(cluster)
    if presence is Presence.FOREIGN:
        # Its version is the cluster's affair.
        row.version, row.done, row.detail = "", "skipped", presence.value
        return
    current = presence is Presence.OURS and part.is_current(cluster)
    if not current:
        part.install(cluster)
    part.wait(cluster)
    row.done = "unchanged" if current else "planned" if cluster.dry_run else "installed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cloud/install", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="ask the cluster, change nothing, print what would run"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=NAMES,
        metavar="PART",
        help=f"one of {', '.join(NAMES)}; repeatable",
    )
    parser.add_argument(
        "--without-kafka",
        dest="kafka_broker",
        action="store_false",
        help="Knative Eventing without the Kafka broker (broker.class MTChannelBasedBroker)",
    )
    parser.add_argument(
        "--kafka",
        choices=["none", "strimzi", "redpanda"],
        default="none",
        help="also install a Kafka (default: none, it is managed or there already)",
    )
    parser.add_argument("--kubeconfig", default="", metavar="FILE", help="instead of kubectl's own choice")
    parser.add_argument(
        "--context", default="", metavar="NAME", help="instead of the kubeconfig's current one"
    )
    parser.add_argument(
        "--timeout",
        type=int,
        default=600,
        metavar="SECONDS",
        help="longest wait for one condition (default: 600)",
    )
    return parser
