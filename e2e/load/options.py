"""Drive hey against a running system while its replicas are watched, and draw what happened."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from e2e.load.plan import Load


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Exit with code 2 and one sentence for what cannot be done."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.users > options.clients:
        parser.error("--users: every user needs a client, so no more than --clients")
    if options.system == "local" and (options.url or options.issuer or options.ca):
        parser.error("--url, --issuer and --ca are for --system cluster: the laptop says them itself")
    if options.system == "cluster" and not options.url:
        parser.error("--system cluster needs --url, such as https://api.example.com")
    return options


def load(options: argparse.Namespace) -> Load:
    return Load(options.clients, options.duration, options.ramp, options.rate, options.users)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--system", choices=["local", "cluster"], default="local", help="default local")
    parser.add_argument("--clients", type=_count, default=100, help="requests at a time (default 100)")
    parser.add_argument(
        "--rate", type=_positive, help="requests per second of all; default: as fast as answers"
    )
    parser.add_argument(
        "--duration", type=_positive, default=60.0, help="seconds of the whole load (default 60)"
    )
    parser.add_argument(
        "--ramp", type=_seconds, default=10.0, help="seconds of each step up, 0: none (default 10)"
    )
    parser.add_argument("--users", type=_count, default=4, help="whose tasks they are (default 4)")
    parser.add_argument("--patience", type=_positive, default=420.0, help="seconds until rest (default 420)")
    parser.add_argument("--data", type=Path, default=Path(".local"), help="data folder of make run")
    parser.add_argument("--out", type=Path, help="folder of the results (default: load in the data folder)")
    cluster = parser.add_argument_group(
        "cluster", "KUBECONFIG says which; TOKEN is used in place of --issuer."
    )
    cluster.add_argument("--url", help="base URL of the task API")
    cluster.add_argument("--issuer", help="URL of the development issuer, for tokens")
    cluster.add_argument("--ca", type=Path, help="root certificate to trust for --url")
    cluster.add_argument("--namespace", default="task-system", help="of the release (default task-system)")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("a number from 0")
    return value


def _positive(text: str) -> float:
    if not _seconds(text):
        raise argparse.ArgumentTypeError("more than 0")
    return float(text)
