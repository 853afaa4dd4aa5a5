"""`python -m helm.gates`: every gate over every environment, or over the given values."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from helm.render import RenderError, values_of

from . import suite
from .environments import Environment, of_chart, of_folders
from .finding import GateError, Result


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        results = suite.run(_environments(options.values), options.gate)
    except (GateError, RenderError) as error:
        print(f"gates: {error}", file=sys.stderr)
        return 2
    if options.output == "json":
        print(json.dumps([dataclasses.asdict(each) for each in results], indent=2))
    else:
        _print(results)
    return 1 if any(_fails(each) for each in results) else 0


def _fails(result: Result) -> bool:
    """Also when it could not look, on a machine that has to bring everything: .ci/run sees to it."""
    return bool(result.findings or (result.skipped and os.environ.get("CI")))


def _environments(files: Sequence[Path]) -> list[Environment]:
    if files:
        return [Environment(" + ".join(path.stem for path in files), values_of(files))]
    return [*of_chart(), *of_folders()]


def _print(results: Sequence[Result]) -> None:
    console = Console()
    table = Table("gate", "checked", "findings", "skipped")
    for each in results:
        table.add_row(each.gate, str(each.checked), str(len(each.findings)), each.skipped)
    console.print(table)
    for finding in sorted({finding for each in results for finding in each.findings}):
        console.print(str(finding), markup=False, highlight=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helm.gates", description=__doc__)
    parser.add_argument(
        "--values",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="values over the defaults; repeat",
    )
    parser.add_argument(
        "--gate", choices=list(suite.GATES), action="append", default=[], help="this gate only; repeat"
    )
    parser.add_argument("--output", choices=["table", "json"], default="table", help="what is printed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
