"""The command line: ``knative-local run | broker | postgres``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from knative_local.errors import KnativeLocalError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 2 when the user's input is at fault, 1 for any other failure."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command: list[str] = []
    if "--" in given:
        border = given.index("--")
        given, command = given[:border], given[border + 1 :]
    options = _parser().parse_args(given)
    try:
        code: int = options.handler(options, command)
    except KnativeLocalError as error:
        print(f"knative-local: {error}", file=sys.stderr)
        return error.exit_code
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="knative-local", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the manifests until Ctrl-C")
    run.add_argument(
        "--profile", type=Path, default=Path("laptop.toml"), metavar="FILE", help="(%(default)s)"
    )
    run.add_argument(
        "--data", type=Path, default=Path(".local"), metavar="DIR", help="all state (%(default)s)"
    )
    run.add_argument("--port", type=_port, metavar="N", help="N and the following ports; otherwise free ones")
    run.add_argument("--fresh", action="store_true", help="delete what earlier runs left in the data folder")
    run.add_argument("--reload", action="store_true", help="restart a service when its source changes")
    run.add_argument("--explain", action="store_true", help="list the fields without effect here, and exit")
    run.add_argument("folders", type=Path, nargs="*", metavar="MANIFEST_DIR", help="instead of the profile's")
    run.set_defaults(handler=_run)

    postgres = commands.add_parser(
        "postgres", help="run a PostgreSQL and print its URL", usage="%(prog)s --data DIR [-- CMD...]"
    )
    postgres.add_argument("--data", type=Path, required=True, metavar="DIR", help="its data live here")
    postgres.add_argument("--ephemeral", action="store_true", help="fast and not durable: for tests")
    postgres.set_defaults(handler=_postgres)

    broker = commands.add_parser("broker", help="the broker process; `run` starts it")
    broker.add_argument("--contract", type=Path, required=True, metavar="FILE")
    broker.add_argument("--data", type=Path, required=True, metavar="DIR")
    broker.add_argument("--host", default="127.0.0.1")
    broker.add_argument("--port", type=int, required=True)
    broker.set_defaults(handler=_broker)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _run(options: argparse.Namespace, command: list[str]) -> int:
    from knative_local.supervision.command import command as run
    from knative_local.supervision.options import Options

    settings = Options(
        data=options.data,
        first_port=options.port,
        fresh=options.fresh,
        reload=options.reload,
        **Options.database_of(os.environ),
    )
    return run(options.profile, options.folders, settings, explain=options.explain)


def _postgres(options: argparse.Namespace, command: list[str]) -> int:
    from knative_local.postgres.command import serve

    return asyncio.run(serve(options.data, command, ephemeral=options.ephemeral))


def _broker(options: argparse.Namespace, command: list[str]) -> int:
    from knative_local.broker.app import main as serve

    return serve(options.contract, options.data, options.host, options.port)
