"""The commands beside serving."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg

from analytics.database import Connection, connect, database_away
from analytics.logs import configure_logs
from analytics.migrate import migrate
from analytics.prune import BATCH, prune
from analytics.recompute import Difference, find_differences, rewrite
from analytics.schema import check_schema
from analytics.settings import read_settings
from analytics.summary import EVERYONE, shown, summary

MOST_SHOWN = 100


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return the exit code: 1 says that the command worked and found differences."""
    options = _parser().parse_args(arguments)
    settings = read_settings(environment)
    configure_logs(settings.log_level)
    return asyncio.run(_COMMANDS[options.command](settings.database_direct_url, options))


async def _migrate(url: str, options: argparse.Namespace) -> int:
    print(f"The schema analytics is at revision {await migrate(url)}.")
    return 0


async def _prune(url: str, options: argparse.Namespace) -> int:
    async with _connected(url) as connection:
        count = await prune(connection, timedelta(days=options.older_than), options.batch)
    print(f"{count} events pruned.")
    return 0


async def _recompute(url: str, options: argparse.Namespace) -> int:
    async with _connected(url) as connection:
        if not options.check:
            await rewrite(connection)
        differences = await find_differences(connection)
    if differences:
        _print_table(differences)
        return 1
    print("Every number is what the log says, and no version of a task is missing.")
    return 0


async def _summary(url: str, options: argparse.Namespace) -> int:
    async with _connected(url) as connection:
        numbers = await summary(connection, options.user)
    if not numbers:
        print(f"No event of {options.user!r} has been counted.", file=sys.stderr)
        return 1
    print(shown(numbers, options.output))
    return 0


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await connect(url)
    try:
        await check_schema(connection)
        yield connection
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise database_away(error) from error
    finally:
        await connection.close()


def _print_table(differences: list[Difference]) -> None:
    rows = [Difference._fields, *differences[:MOST_SHOWN]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if len(differences) > MOST_SHOWN:
        print(f"... and {len(differences) - MOST_SHOWN} more")


_COMMANDS = {"migrate": _migrate, "prune": _prune, "recompute": _recompute, "summary": _summary}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analytics", description="Counts task events.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="take events over HTTP; also what happens without a command")
    commands.add_parser("migrate", help="bring the schema `analytics` up to date")
    pruning = commands.add_parser("prune", help="delete old events and keep their numbers")
    pruning.add_argument(
        "--older-than",
        type=_positive,
        default=90,
        metavar="DAYS",
        help="days since an event arrived (default: 90)",
    )
    pruning.add_argument(
        "--batch",
        type=_positive,
        default=BATCH,
        metavar="EVENTS",
        help=f"events per transaction (default: {BATCH})",
    )
    recomputing = commands.add_parser("recompute", help="make every number again from the log")
    recomputing.add_argument(
        "--check",
        action="store_true",
        help="change nothing; exit with 1 and a table if a number differs or a version of a task is missing",
    )
    summing = commands.add_parser("summary", help="print the numbers of a user, or of everyone")
    summing.add_argument("--user", default=EVERYONE, metavar="ID", help="whose numbers (default: everyone's)")
    summing.add_argument("--output", choices=["table", "json"], default="table")
    return parser


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**6):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 999999")
    return int(text)
