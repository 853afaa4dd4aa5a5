"""`task-api`: serve (also without arguments), migrate, outbox."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from task_api.errors import ConfigurationError, DatabaseUnavailable

# Modules are imported by the command that needs them: `migrate` runs at every start of the laptop and
# mostly finds nothing to do.


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit with 0, or with 2 and one sentence."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ConfigurationError, DatabaseUnavailable) as error:
        print(f"task-api: {error}", file=sys.stderr)
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="task-api", description="REST in, task rows and events out.")
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(title="commands")
    commands.add_parser("serve", help="serve the API (the default)").set_defaults(run=_serve)
    commands.add_parser("migrate", help="bring the schema `tasks` up to date").set_defaults(run=_migrate)
    outbox = commands.add_parser("outbox", help="show events the broker has not accepted")
    outbox.add_argument("--parked", action="store_true", help="only those the broker refused for good")
    outbox.add_argument("--output", choices=("table", "json"), default="table")
    outbox.add_argument("--retry", metavar="EVENT_ID", help="send a parked event again")
    outbox.set_defaults(run=_outbox)
    return parser


def _serve(options: argparse.Namespace) -> None:
    import uvloop

    from task_api.logs import configure_logs
    from task_api.server import serve
    from task_api.settings import Settings, read_settings

    settings = read_settings(Settings)
    configure_logs(settings.log_level)
    uvloop.run(serve(settings))


def _migrate(options: argparse.Namespace) -> None:
    from task_api.logs import configure_logs
    from task_api.migrate import migrate
    from task_api.settings import DatabaseSettings, read_settings

    settings = read_settings(DatabaseSettings)
    configure_logs(settings.log_level)
    print(asyncio.run(migrate(settings.direct_url)))


def _outbox(options: argparse.Namespace) -> None:
    from task_api import outbox_command
    from task_api.settings import DatabaseSettings, read_settings

    url = read_settings(DatabaseSettings).direct_url
    if options.retry:
        print(asyncio.run(outbox_command.retry(url, options.retry)))
    else:
        print(asyncio.run(outbox_command.show(url, parked_only=options.parked, output=options.output)))
